"""A run as an ONNX model that needs no tonearm, and as a model card."""
