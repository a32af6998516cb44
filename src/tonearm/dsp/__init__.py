"""Sound: files to samples, samples to frames and spectra, and the compiled kernels under them."""
