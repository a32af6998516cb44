"""What predictions are worth: scores, intervals, calibration, labels that are likely wrong."""
