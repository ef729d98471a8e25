"""Converts a BERT checkpoint for CTranslate2, weights in int8."""

import sys
from pathlib import Path

from ctranslate2.converters import TransformersConverter


def main(checkpoint, out):
    TransformersConverter(str(checkpoint)).convert(str(out), quantization="int8", force=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
