#!/usr/bin/env bash
# A small search for real: TPE over the space `ia`, each trial a ResNet-18 trained on scikit-learn's
# digits. At the end its best configuration is printed as a column of Table 5.
set -euo pipefail
folder=${DEMO_FOLDER:-.alignsearch-demo}
rm -rf "$folder" && mkdir "$folder" && cd "$folder"
trap 'alignsearch store stop' EXIT
alignsearch submit ia --name demo --trials 12 --parallel 3 --resources CPU=0.6 \
  --dataset digits --epochs 6 --width 8 --wait
