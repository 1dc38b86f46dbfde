"""Several processes on one calibration: each takes whole groups of documents, so sums stay exact."""
