"""Pretrained networks as a representation: a clip's row is what a frozen network says of its windows."""
