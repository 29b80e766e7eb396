#!/usr/bin/env bash
# MuJoCo 3.17.0 (4.0.0 the same): damping of a gripper's joint or actuator makes its fingers sink into what they touch.
#
# One would expect: damping slows a finger down, so it hits more gently; how deep it sinks, and how fast it is pushed out
# again, is set by the contact (solref 0.004 s, solimp 0.99 to 0.999): some 0.2 mm at 0.15 m/s, gone in hundredths of a second.
# What happens: a finger of 50 g, pressed with at most 70 N, sinks 0.17 mm without damping, 1.1 mm with kv="200" on its
# position actuator (2.9 mm with the Euler integrator) and 2.4 mm with damping="200" on its slide. With damping="1000" it is
# still 1.2 mm deep after two seconds. The solver finds contact forces for the undamped mass; the implicit step then divides
# the acceleration by 1 + dt * damping / mass, so a contact gives only part of the push it was set to give.
# `armature` (the inertia that motor and gears have) brings back 0.2 mm.
# Why it matters: strongly damped, light fingers are how gripper models are usually made stable; between such pads a sheet
# of 2 mm vanishes, and fingers without a collision pair pass each other.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mujoco==3.17.0 >/dev/null 2>&1
"$work/venv/bin/python" - <<'PY'
import sys

import mujoco

MODEL = """<mujoco>
  <option timestep="0.002" integrator="{integrator}" gravity="0 0 0"/>
  <default><geom solref="0.004 1" solimp="0.99 0.999 0.0001"/></default>
  <worldbody>
    <geom type="box" size="0.005 0.05 0.05" pos="-0.005 0 0"/>
    <body pos="0.01 0 0">
      <joint name="slide" type="slide" axis="1 0 0" damping="{damping}" armature="{armature}"/>
      <geom type="box" size="0.005 0.01 0.01" pos="0.005 0 0" mass="0.05"/>
    </body>
  </worldbody>
  <actuator><position joint="slide" kp="10000" kv="{kv}" forcerange="-70 70"/></actuator>
</mujoco>"""


def press(kv=0, damping=0, armature=0, integrator="implicitfast"):
    """Millimetres that the finger is inside the wall: the most, and after two seconds."""
    text = MODEL.format(kv=kv, damping=damping, armature=armature, integrator=integrator)
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    deepest = 0.0
    for step in range(1000):
        data.ctrl[0] = -min(0.15 * 0.002 * step, 0.025)  # closes at 0.15 m/s, aims 15 mm into the wall
        mujoco.mj_step(model, data)
        deepest = max(deepest, -1e3 * (0.01 + data.qpos[0]))
    return deepest, -1e3 * (0.01 + data.qpos[0])


cases = {
    "no damping": {}, "kv 200": {"kv": 200}, "kv 200, Euler": {"kv": 200, "integrator": "Euler"},
    "damping 200": {"damping": 200}, "damping 1000": {"damping": 1000}, "kv 200, armature 1.2 kg": {"kv": 200, "armature": 1.2},
}  # fmt: skip
found = {name: press(**settings) for name, settings in cases.items()}
for name, (deepest, end) in found.items():
    print(f"{name:24s} deepest {deepest:6.3f} mm, after 2 s {end:6.3f} mm")
bare = found["no damping"][0]
seen = found["kv 200"][0] > 4 * bare and found["damping 200"][0] > 8 * bare and found["damping 1000"][1] > 0.5
sys.exit(0 if seen and found["kv 200, armature 1.2 kg"][0] < 2 * bare else 1)
PY
