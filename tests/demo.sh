#!/usr/bin/env bash
# The main job, small: a TPE search over the space `ia`, every trial a real ResNet-18
# trained on scikit-learn's digits; its best configuration as a column of Table 5.
set -euo pipefail
folder=${DEMO_FOLDER:-.alignsearch-demo}
rm -rf "$folder" && mkdir "$folder" && cd "$folder"
trap 'alignsearch store stop' EXIT
alignsearch submit ia --name demo --trials 12 --parallel 3 --resources CPU=0.6 \
  --dataset digits --epochs 6 --width 8 --wait
