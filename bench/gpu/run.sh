#!/usr/bin/env bash
# Measure the CUDA engine on this machine's card: correctness first, then speed, one JSON, a short table last.
#
#   bench/gpu/run.sh [correct|ceilings|gram|solve|paper|randconv ...] [--data-dir FOLDER] [--output FILE] [--minutes 8]
#   bench/gpu/run.sh --backend numpy --smoke      the same script on NumPy at tiny sizes: shows that it still runs
#
# Nothing is installed: it runs from the checkout with the python3 at hand (or $PYTHON), which needs numpy, scipy,
# scikit-learn, numba and cupy; CIFAR-10 with random convolutions needs all that the package does. The C++ core is built
# in place where nanobind and CMake are there; without it only the comparison with the processor is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"

build_core() {
  "$python" -c 'import nanobind' 2>/dev/null || { echo "no nanobind: the comparison with the processor is left out"; return; }
  command -v cmake >/dev/null || { echo "no CMake: the comparison with the processor is left out"; return; }
  local folder=build/in-place
  if timeout 150 cmake -S cpp -B "$folder" -DCMAKE_BUILD_TYPE=Release \
      -DPython_EXECUTABLE="$(command -v "$python")" \
      -Dnanobind_DIR="$("$python" -m nanobind --cmake_dir)" >"$folder.log" 2>&1 &&
    timeout 150 cmake --build "$folder" --parallel "$(nproc)" >>"$folder.log" 2>&1; then
    cp "$folder"/_core*.so src/kernelgen/
  else
    echo "the C++ core could not be built (see $folder.log): the comparison with the processor is left out"
  fi
}

if ! "$python" -c 'from kernelgen import _core' 2>/dev/null && [[ " $* " != *" --smoke "* ]]; then
  mkdir -p build
  build_core
fi
exec "$python" bench/gpu/run.py "$@"
