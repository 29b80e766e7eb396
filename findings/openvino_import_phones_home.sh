#!/usr/bin/env bash
# openvino 2026.4.1 with openvino-telemetry 2025.2.0 (its dependency), Python 3.11.
#
# Expected: `import openvino` loads a library. Usage data is collected after a question, as the package's own dialog (opt_in_out)
#           suggests, or by its tools on the command line.
# Seen:     the import itself makes a client id (~/intel/openvino_ga_cid) and a file of statistics, and hands an event
#           ("ov", "import", "general_import") to a thread that posts it to Google Analytics, without a question and without
#           an output. The consent is taken as given if its file is missing; of the environment only CI variables stop it.
# Matters:  a node of a robot that only runs a network opens connections to the outside and writes into the home folder, also of
#           a read-only or shared account. With no entry of openvino_telemetry in sys.modules but None, OpenVINO takes a stub.
#
# Exits 1 if no file appears. Nothing is sent: the event is caught before the socket.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 openvino-telemetry==2025.2.0
mkdir "$folder/home" "$folder/quiet"
cat > "$folder/look.py" <<'PY'
import sys
if "quiet" in sys.argv:
    sys.modules["openvino_telemetry"] = None
else:
    from openvino_telemetry.utils.sender import TelemetrySender
    TelemetrySender.send = lambda self, backend, message: print("would send:", str(message)[:400])
import openvino
PY
env -u CI -u TF_BUILD -u JENKINS_URL HOME="$folder/home" "$folder/venv/bin/python" "$folder/look.py"
env -u CI -u TF_BUILD -u JENKINS_URL HOME="$folder/quiet" "$folder/venv/bin/python" "$folder/look.py" quiet
echo "files in the home folder after the import: $(cd "$folder/home" && find . -type f | sort | tr '\n' ' ')"
echo "files without the telemetry package: $(cd "$folder/quiet" && find . -type f | wc -l)"
test -f "$folder/home/intel/openvino_ga_cid" && test "$(find "$folder/quiet" -type f | wc -l)" = 0 && echo seen
