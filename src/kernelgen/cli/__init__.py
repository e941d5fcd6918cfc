"""The command line, one module per command.

    kernelgen solve | predict | memorize | sgd | reproduce | data | bench | info

:mod:`~kernelgen.cli.app` puts the commands together and turns errors into exit codes. A command's module
imports what it works with inside its function, so that ``kernelgen --help`` answers without NumPy. What was
asked for goes to stdout; plans, progress and errors go to stderr where stdout is to be read by a program
(``--json``).

Exit codes: 0 done, 1 unexpected, 2 usage, 3 not positive definite or not converged, 4 data or files, 5 over
the memory budget, 130 interrupted.
"""
