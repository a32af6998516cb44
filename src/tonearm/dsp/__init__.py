"""Signal processing: files to samples, samples to frames and spectra, and the compiled kernels behind them."""
