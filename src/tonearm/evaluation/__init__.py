"""Evaluating predictions: scores, confidence intervals, calibration, labels that are likely wrong."""
