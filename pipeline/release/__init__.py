"""A trained detector as files for others: one ONNX graph that equals torch, and a card written from lake rows."""
