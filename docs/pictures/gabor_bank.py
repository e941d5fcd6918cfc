"""Draw the filters of ``kernelgen solve --features gabor``: real parts, and the modulus of the spectra.

python docs/pictures/gabor_bank.py docs/pictures/gabor-bank.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from kernelgen.features import Gabor

SIDE = 32


def main(path: str) -> None:
    """One row a frequency, one column an orientation; the last column is what the row covers in Fourier space."""
    gabor = Gabor()
    bank = gabor.bank((SIDE, SIDE))
    rows, columns = len(gabor.frequencies), gabor.orientations
    figure, axes = plt.subplots(rows, columns + 1, figsize=(1.1 * (columns + 1), 1.15 * rows), squeeze=False)
    for i, frequency in enumerate(gabor.frequencies):
        filters = bank[i * columns : (i + 1) * columns]
        largest = max(np.abs(psi).max() for psi in filters)
        for j, psi in enumerate(filters):
            shown = np.fft.fftshift(psi.real)
            axes[i, j].imshow(shown, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
            if i == 0:
                axes[i, j].set_title(f"{180 * j / columns:g}°", fontsize=8)
        axes[i, 0].set_ylabel(f"f = {frequency:g}", fontsize=8)
        covered = sum(np.abs(np.fft.fft2(psi)) ** 2 for psi in filters)
        axes[i, columns].imshow(np.fft.fftshift(covered), cmap="Greys")
    axes[0, columns].set_title("spectra", fontsize=8)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
