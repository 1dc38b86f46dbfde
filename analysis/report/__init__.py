"""The report: everything that is known of a run at one sparsity, as one page that works offline."""
