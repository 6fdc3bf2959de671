#!/bin/bash
# Installs peers into a folder: setup.sh <folder> python|node. Two dependencies that s3db.js declares cannot
# be resolved, so its package is unpacked beside what its entry without plugins imports.
set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
case "$2" in
python)
  python3 -m venv python
  python/bin/pip install --quiet boto3==1.44.5 s3aads==2.13.0
  ;;
node)
  cp "$scripts/package.json" .
  npm install --no-audit --no-fund --ignore-scripts
  npm pack s3db.js@21.6.2
  tar xzf s3db.js-21.6.2.tgz
  rm -rf node_modules/s3db.js
  mv package node_modules/s3db.js
  ;;
*)
  echo "setup.sh <folder> python|node" >&2
  exit 2
  ;;
esac
