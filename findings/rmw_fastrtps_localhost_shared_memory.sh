#!/usr/bin/env bash
# A Fast DDS profile that lists UDP alone: with ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST the process has shared memory, too.
#
# Versions: ros-rclpy 7.1.6 (Jazzy), ros-rmw-fastrtps-cpp 8.4.3, ros-fastrtps 2.14.5, as wheels.
# Expected: a participant profile with useBuiltinTransports=false has the transports it lists and no others, whatever the
#   discovery range, which is about whom to find.
# Seen: with SUBNET (the default) no shared-memory segment of Fast DDS is mapped into the process. With LOCALHOST one is, of
#   Fast DDS' default size (512 kB), beside the UDP that was asked for.
# Why it matters: on one machine Fast DDS prefers shared memory, so messages larger than that segment (a 640x480 colour image
#   has 921 kB) are lost again that a profile was written for, e.g. one with TCP: 16 of 60 images arrived. To be rid of it the
#   profile has to name its locators (defaultUnicastLocatorList), too.
# Exits 1 where the behaviour is no longer seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet "ros-rclpy[fastrtps]==7.1.6" ros-rmw-fastrtps-cpp==8.4.3 ros-fastrtps==2.14.5
cat > "$folder/udp.xml" <<'EOF'
<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <transport_descriptors>
    <transport_descriptor><transport_id>udp</transport_id><type>UDPv4</type></transport_descriptor>
  </transport_descriptors>
  <participant profile_name="udp_alone" is_default_profile="true">
    <rtps>
      <userTransports><transport_id>udp</transport_id></userTransports>
      <useBuiltinTransports>false</useBuiltinTransports>
    </rtps>
  </participant>
</profiles>
EOF
cat > "$folder/trial.py" <<'EOF'
import re
from pathlib import Path

import rclpy

rclpy.init()
node = rclpy.create_node("probe")
mapped = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .* /dev/shm/fastrtps_[0-9a-f]{16}$", Path("/proc/self/maps").read_text(), re.M)
print(sum(int(end, 16) - int(begin, 16) for begin, end in mapped))
node.destroy_node()
rclpy.shutdown()
EOF
export FASTDDS_DEFAULT_PROFILES_FILE=$folder/udp.xml FASTRTPS_DEFAULT_PROFILES_FILE=$folder/udp.xml ROS_DOMAIN_ID=91
declare -A bytes
for range in SUBNET LOCALHOST; do
  bytes[$range]=$(ROS_AUTOMATIC_DISCOVERY_RANGE=$range "$folder/venv/bin/python" "$folder/trial.py")
  echo "$range: ${bytes[$range]} bytes of Fast DDS' shared memory"
done
[ "${bytes[SUBNET]}" = 0 ] && [ "${bytes[LOCALHOST]}" -gt 500000 ]
