"""Pretrained networks as a representation: a clip's row is what a frozen network says of its windows.

Conventions
-----------
`card` says what an encoder is, `front_ends` what it reads, `session` runs it, `representation` makes rows of it. A
built-in encoder is a file of its own (`musicnn`, `efficientat`): its front end, its layers, its card, how its weights
are read (`tensorflow_checkpoint`, `torch_checkpoint`) and how the network is written down as ONNX (`graphs`); and one
entry in `registry`. `weights` fetches, checks, converts and keeps them. `onnx_folder`, `hugging_face` and `hear` are
encoders that others bring; `locate` finds each by its name in `reads`. Neither torch nor TensorFlow is needed for those
built in.
"""
