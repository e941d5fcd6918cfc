"""Networks that provably memorize: ReLU networks that fit any labels on any finite sample, built, not trained.

Start with :func:`~kernelgen.memorize.build.build_memorizer`. Below it: :mod:`~kernelgen.memorize.project`
takes points to a line and :mod:`~kernelgen.memorize.sample` sorts and merges them;
:mod:`~kernelgen.memorize.two_layer` (Theorem 1 of Zhang et al., 2 n + d weights) and
:mod:`~kernelgen.memorize.deep` (Corollary 1, depth k, width about n/k) build on it, both with the O(n) fit of
:mod:`~kernelgen.memorize.hinges`; :mod:`~kernelgen.memorize.bubeck`, :mod:`~kernelgen.memorize.yun` and
:mod:`~kernelgen.memorize.vardi` are smaller networks from later papers. All return one sparse
:class:`~kernelgen.memorize.network.ReluNetwork`; :mod:`~kernelgen.memorize.verify` certifies it in exact or
double-double arithmetic. Files: :mod:`~kernelgen.memorize.network_file` and
:mod:`~kernelgen.memorize.onnx_file`.
"""
