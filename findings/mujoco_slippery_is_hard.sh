#!/usr/bin/env bash
# MuJoCo 3.17.0 (4.0.0 the same): with the default, pyramidal cone, how deep a body sinks under a normal force depends on
# the friction coefficient: the slipperier, the harder.
#
# One would expect: 40 N straight onto a face sink a 200 g box into a wall by a depth that `solref` and `solimp` set;
# friction acts along the face and has no say in it.
# What happens: from mu = 1 down to mu = 0.1 the depth shrinks some 195 times (43 um, 6.8 um at 0.5, 0.22 um). With
# cone="elliptic" and the same solref and solimp it is 43 um for every mu. So changing the cone, or drawing friction at
# random, changes the stiffness of every contact.
# Why it matters: grasp simulators draw friction at random to judge how robust a grasp is, and switch to elliptic cones so
# that nothing creeps; both also change how far pads sink into the object, by orders of magnitude.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mujoco==3.17.0 >/dev/null 2>&1
"$work/venv/bin/python" - <<'PY'
import sys

import mujoco

MODEL = """<mujoco>
  <option cone="{cone}" gravity="0 0 0" timestep="0.002"><flag multiccd="enable"/></option>
  <default><geom solref="0.004 1" solimp="0.95 0.99 0.0005" condim="3" friction="{mu} 0.003 0.0001"/></default>
  <worldbody>
    <geom type="box" size="0.01 0.02 0.02" pos="-0.01 0 0"/>
    <body pos="0.02 0 0"><freejoint/><geom type="box" size="0.02 0.02 0.02" mass="0.2"/></body>
  </worldbody>
</mujoco>"""


def depth(cone, mu):
    """Micrometres that 40 N along the normal press the box into the wall, at rest."""
    model = mujoco.MjModel.from_xml_string(MODEL.format(cone=cone, mu=mu))
    data = mujoco.MjData(model)
    data.xfrc_applied[1, 0] = -40
    mujoco.mj_step(model, data, nstep=2000)
    return 1e6 * (0.02 - data.qpos[0])


found = {cone: [depth(cone, mu) for mu in (0.1, 0.5, 1.0)] for cone in ("pyramidal", "elliptic")}
for cone, depths in found.items():
    print(f"{cone:9s} mu 0.1: {depths[0]:6.2f} um   mu 0.5: {depths[1]:6.2f} um   mu 1: {depths[2]:6.2f} um")
soft, hard = found["pyramidal"][2], found["pyramidal"][0]
same = max(found["elliptic"]) < 1.02 * min(found["elliptic"])
sys.exit(0 if soft > 20 * hard and same else 1)
PY
