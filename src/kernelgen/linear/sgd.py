"""Stochastic gradient descent for linear models, as plain as the theorem about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from kernelgen.arrays.checks import check_finite, check_targets, check_threads
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import DataError, UsageError
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.passes import LOGISTIC, SQUARE, batch_by_batch, row_by_row
from kernelgen.linear.result import SGDResult, SGDStatus
from kernelgen.linear.rows import Rows, as_rows
from kernelgen.linear.step_size import Smoothness, measure, row_steps

CHUNKS = 8  # looks at the loss within an epoch, to stop a run that diverges in its first one
FAST_GROWTH, SLOW_GROWTH = (
    1e3,
    2.0,
)  # of the loss over its first value: diverged at any step; above the safe one


class Epoch(NamedTuple):
    """What an observer is told: epoch number from 0 (the start), weights (d, c), mean loss met on the way."""

    number: int
    weights: AnyArray
    running_loss: float


Observer = Callable[[Epoch], None]


def sgd(
    X: Any,
    Y: Any,
    config: SGDConfig | None = None,
    *,
    start: Any = None,
    observe: Observer | None = None,
    threads: int | None = None,
) -> SGDResult:
    """Land on the interpolant nearest to the start: from 0, on the one of minimum norm.

        w <- w - step (<w, x_i> - y_i) x_i

    Each step adds a multiple of a row, so w stays in w_0 + span{x_i}; if it also reaches X w = y, it is the projection
    of w_0 onto the solutions, and for w_0 = 0 their minimum-norm one. Batches, momentum, per-row steps, averaging and
    any order of rows keep this; weight decay keeps the span and moves the limit.

    Parameters
    ----------
    X : array, shape (n, d), or Rows
        float32 or float64 (other numbers become float64); a numpy.memmap is read by blocks and never held.
    Y : array, shape (n,) or (n, c)
        Targets; -1 and 1 for the logistic loss. Columns are problems by themselves.
    config : SGDConfig
        Defaults to Kaczmarz steps on single rows.
    start : array, shape (d,) or (d, c), or SGDResult, optional
        w_0; or a run to go on with: velocity, epoch count and orders continue as if it had not stopped.
    observe : callable, optional
        Called with an :class:`Epoch` at the start and after each epoch; :class:`~kernelgen.linear.trace.Trace` is one.
    threads : int or None
        Outputs are shared out among them; the result is the same bits for any number.

    Returns
    -------
    SGDResult
        Its status is ``converged``, ``max_epochs`` or ``diverged``; the latter is looked for from the first epoch on,
        and its message names a step that is safe.

    Raises
    ------
    DataError
        Values that are not finite, shapes that do not match, labels other than -1 and 1 for the logistic loss.
    UsageError
        A start of the wrong shape.

    Notes
    -----
    4 n d c flops an epoch. With batch 1 each row is read from memory once a step: the update with one row and the dot
    product with the next are one sweep over w, while the row after that is fetched.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, ICLR 2017, arXiv:1611.03530, section 5. T. Strohmer,
    R. Vershynin, "A randomized Kaczmarz algorithm with exponential convergence", J. Fourier Anal. Appl. 2009.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0]]), np.array([2.0, 2.0])
    >>> run = sgd(X, y)
    >>> run.status.value, run.weights.round(9).tolist()
    ('converged', [1.0, 1.0, 1.0])
    """
    config = SGDConfig() if config is None else config
    rows = X if isinstance(X, Rows) else as_rows(X)
    targets, was_1d = check_targets(Y, rows.n_samples)
    if config.loss == "logistic" and not np.isin(targets, (-1.0, 1.0)).all():
        raise DataError("the logistic loss needs labels -1 and 1; encode classes so, one column a class")
    n_threads = min(check_threads(threads), targets.shape[1])
    smoothness = measure(rows, need_top=config.step == "1/L" and config.batch > 1)
    with ThreadPoolExecutor(n_threads) as pool:
        run = _Run(rows, targets, config, smoothness, pool, n_threads, start)
        status = run.go(observe)
        return run.result(status, was_1d)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Weights, velocity and sum of iterates, each (c, d) or (c, 0), and the epochs behind them."""

    W: AnyArray
    V: AnyArray
    A: AnyArray
    epochs: int


class _Run:
    """One run: its state, its steps, and what it has seen of the loss."""

    def __init__(
        self,
        rows: Rows,
        targets: FloatArray,
        config: SGDConfig,
        smoothness: Smoothness,
        pool: ThreadPoolExecutor,
        n_threads: int,
        start: Any,
    ):
        self.config, self.smoothness, self.pool = config, smoothness, pool
        self.rows = _held(rows)
        with np.errstate(over="ignore"):  # a step beyond float32 diverges like every other that is too large
            Y, self.steps = targets.astype(rows.dtype), row_steps(config, smoothness).astype(rows.dtype)
        check_finite(Y, f"Y, as {rows.dtype} like X,")
        self.Y = np.ascontiguousarray(Y.T)
        self.size = float(np.sum(targets * targets))
        self.state = _initial(start, rows, targets.shape[1], config)
        self.last_epoch = self.state.epochs
        self.shares = np.array_split(np.arange(targets.shape[1]), n_threads)
        self.first_loss = self.size / (2 * rows.n_samples)
        if config.loss == "logistic":
            self.first_loss = float(np.log(2.0)) * targets.shape[1]
        if self.state.W.any():
            self.first_loss = max(self.first_loss, self.measure_loss()[0])
        self.seconds, self.running_loss, self.message = 0.0, np.nan, ""

    @property
    def weights(self) -> AnyArray:
        """(d, c): the last iterate, or the mean of the last epoch's."""
        if self.config.average and self.last_epoch > self.state.epochs:
            return (self.state.A / self.rows.n_samples).T
        return self.state.W.T

    def go(self, observe: Observer | None) -> SGDStatus:
        """Epochs until the residual is small, they are spent, or the loss has grown."""
        if observe is not None:
            observe(Epoch(self.last_epoch, self.weights, self.first_loss))
        for _ in range(self.config.epochs):
            began = time.perf_counter()
            grew = self.epoch()
            self.seconds += time.perf_counter() - began
            self.last_epoch += 1
            if grew or self.grew_slowly():
                self.message = self.why_diverged()
                return SGDStatus.DIVERGED
            if observe is not None:
                observe(Epoch(self.last_epoch, self.weights, self.running_loss))
            if self.is_close() and self.measure_loss()[1] <= self.config.tol:
                return SGDStatus.CONVERGED
        return SGDStatus.MAX_EPOCHS

    def epoch(self) -> bool:
        """One pass over the rows; True, and at once, where the loss has grown beyond doubt."""
        n, b = self.rows.n_samples, self.config.batch
        rng = np.random.default_rng([self.config.seed, self.last_epoch])
        blocks = rng.permutation(self.rows.n_blocks) if self.rows.n_blocks > 1 else np.arange(1)
        self.state.A[:] = 0
        total = 0.0
        for first, X in self.rows.blocks(blocks):
            size = len(X)
            order = rng.integers(size, size=size) if self.config.replacement else rng.permutation(size)
            chunk = max(b, -(-n // (CHUNKS * b)) * b)
            for k in range(0, size, chunk):
                part = order[k : k + chunk]
                loss = self.advance(X, first, part)
                limit = FAST_GROWTH * self.first_loss * len(part) if self.may_diverge else np.inf
                if not np.isfinite(loss) or loss > limit:
                    self.running_loss = loss / len(part)
                    return True
                total += loss
        self.running_loss = total / n
        return False

    def advance(self, X: AnyArray, first: int, order: AnyArray) -> float:
        """Steps on the rows of one block in the order given, outputs shared out among threads; the sum of losses."""
        c, kind = self.config, self.rows.dtype.type
        span = slice(first, first + len(X))
        momentum, ahead, decay = kind(c.momentum), kind(c.lookahead), kind(c.weight_decay)
        loss = LOGISTIC if c.loss == "logistic" else SQUARE

        def run(share: AnyArray) -> float:
            k = slice(int(share[0]), int(share[-1]) + 1)
            W, V, A = self.state.W[k], self.state.V[k], self.state.A[k]
            given = (X, self.Y[k, span], order, W, V, A, self.steps[span], momentum, ahead, decay, loss)
            if c.batch == 1 and c.step != "line-search":
                return float(row_by_row(*given))
            return float(batch_by_batch(*given, c.batch, c.step == "line-search"))

        with np.errstate(over="ignore", invalid="ignore"):
            return sum(self.pool.map(run, self.shares)) if len(self.shares) > 1 else run(self.shares[0])

    @property
    def may_diverge(self) -> bool:
        """Whether a loss that grows means anything: safe steps come closer while large rows' losses may rise."""
        if self.config.step in ("kaczmarz", "line-search") and self.config.momentum == 0:
            return False  # each step of these brings w closer to the solutions
        return self.smoothness.safe_step(self.config) < 0.999 * float(self.steps.max())

    def grew_slowly(self) -> bool:
        """Whether a number above the safe step has let the loss grow in the first epoch, by a pass of its own.

        Later on, and for steps by rule, the noise around a solution that does not interpolate may hold it above its
        first value.
        """
        is_first = self.last_epoch == self.state.epochs + 1
        if isinstance(self.config.step, str) or not self.may_diverge or not is_first:
            return False
        loss = self.measure_loss()[0]
        grew = not loss <= SLOW_GROWTH * self.first_loss
        self.running_loss = loss if grew else self.running_loss
        return grew

    def is_close(self) -> bool:
        """Whether the residuals met during the epoch are within the tolerance."""
        if self.config.loss != "square" or self.config.tol == 0:
            return False
        met = np.sqrt(2 * self.running_loss * self.rows.n_samples)
        return bool(met <= self.config.tol * (np.sqrt(self.size) or 1.0))

    def measure_loss(self) -> tuple[float, float]:
        """Mean loss and relative residual of the weights as they are, in a pass of its own."""
        squares, losses = 0.0, 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for first, X in self.rows.blocks(np.arange(self.rows.n_blocks)):
                f = X @ self.weights
                y = self.Y[:, first : first + len(X)].T
                squares += float(np.sum((f - y) ** 2, dtype=np.float64))
                if self.config.loss == "logistic":
                    losses += float(np.logaddexp(0, -y * f).sum(dtype=np.float64))
        if self.config.loss == "square":
            losses = squares / 2
        return losses / self.rows.n_samples, np.sqrt(squares / (self.size or 1.0))

    def why_diverged(self) -> str:
        """Name the step that was too large, and one that is safe."""
        top = measure(self.rows, need_top=True) if self.config.batch > 1 else self.smoothness
        self.smoothness = top
        safe = top.safe_step(self.config)
        others = 'step="1/L"' + (' or "kaczmarz"' if self.config.step != "kaczmarz" else "")
        return (
            f"diverged in epoch {self.last_epoch}: the mean loss grew from {self.first_loss:.3g} to "
            f"{self.running_loss:.3g} with step {self.config.step}, momentum {self.config.momentum:g} and batch "
            f"{self.config.batch}; step={safe:.3g} converges (1/L of these rows), and so does {others}"
        )

    def result(self, status: SGDStatus, was_1d: bool) -> SGDResult:
        """Everything to give back, with the residual measured once more."""
        loss, residual = self.measure_loss()
        if status is SGDStatus.CONVERGED:
            self.message = f"converged: relative residual {residual:.2e} after {self.last_epoch} epochs"
        elif status is SGDStatus.MAX_EPOCHS:
            self.message = self.why_not(residual)
        used = self.steps[self.steps > 0]
        weights = np.ascontiguousarray(self.weights)
        return SGDResult(
            weights=weights[:, 0] if was_1d else weights,
            status=status,
            message=self.message,
            epochs=self.last_epoch,
            relative_residual=float(residual),
            loss=float(loss),
            step=float("nan")
            if self.config.step == "line-search"
            else float(np.quantile(used, 0.5, method="lower"))
            if len(used)
            else 0.0,
            safe_step=self.smoothness.safe_step(self.config),
            seconds=self.seconds,
            config=self.config,
            state=(self.state.W, self.state.V),
        )

    def why_not(self, residual: float) -> str:
        """Say how far it came, and what may go further."""
        message = f"{self.last_epoch} epochs are spent: relative residual {residual:.2e}"
        if self.config.loss == "logistic":
            return f"{message}; the logistic loss has no finite minimum on separable data, only its direction settles"
        if self.config.weight_decay > 0:
            return f"{message}; with weight_decay > 0 the limit does not interpolate"
        if self.rows.n_samples > self.rows.n_features:
            message += (
                f"; {self.rows.n_samples} rows of {self.rows.n_features} features cannot in general be fitted"
            )
        if 0 < self.config.tol < np.finfo(self.rows.dtype).eps:
            message += f"; {self.rows.dtype} cannot reach the tolerance: give float64 rows, or a larger tol"
        return f"{message}; tolerance {self.config.tol:.0e}: more epochs, or see the rank that minimum_norm finds"


def _held(rows: Rows) -> Rows:
    """The same rows; those of a single block are read, and their features computed, once."""
    if rows.n_blocks > 1:
        return rows
    return replace(rows, values=rows.read(0), transform=None)


def _initial(start: Any, rows: Rows, n_outputs: int, config: SGDConfig) -> _State:
    """State to begin with; arrays are copies."""
    shape, kind = (n_outputs, rows.n_features), rows.dtype
    V, epochs = np.zeros((n_outputs, rows.n_features if config.momentum > 0 else 0), kind), 0
    if isinstance(start, SGDResult):
        W, before, epochs = start.state[0], start.state[1], start.epochs
        if before.shape == V.shape:
            V = before.astype(kind)
    else:
        W = np.zeros(shape, kind) if start is None else np.atleast_2d(np.asarray(start, dtype=kind).T)
    if W.shape != shape:
        raise UsageError(
            f"start has {W.shape[0]} output(s) of {W.shape[1]} feature(s), these data {n_outputs} of "
            f"{rows.n_features}: give an array of shape ({rows.n_features},) or ({rows.n_features}, {n_outputs})"
        )
    if not np.isfinite(W).all():
        raise DataError("start has values that are not finite")
    W = np.array(W, kind, order="C")
    return _State(W, V, np.zeros((n_outputs, rows.n_features if config.average else 0), kind), epochs)
