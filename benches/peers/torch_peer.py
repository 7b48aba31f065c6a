"""PyTorch: replicas in a Python loop, and together under torch.func.vmap, on CUDA within a CUDA graph. No TF32."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from common import BETA1, BETA2, EPSILON, LM_HEADS, MATMUL, STEPS, pairs_of, representations, square, timed
from peer import Peer

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")


def wait():
    if CUDA:
        torch.cuda.synchronize()


def to(array):
    return torch.tensor(array, device=DEVICE)  # a copy: parameters are trained in place


def mlp(parameters, x):
    for i in range(0, len(parameters), 2):
        x = F.linear(x, parameters[i], parameters[i + 1])
        x = F.relu(x) if i + 2 < len(parameters) else x
    return x


def cnn(parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    x = F.relu(F.conv2d(x.reshape(-1, 1, 8, 8), w1, b1, padding="same"))
    x = F.relu(F.conv2d(x, w2, b2, padding="same"))
    return F.linear(F.max_pool2d(x, 2).flatten(1), w3, b3)


def resnet8(parameters, x):
    rest = iter(parameters)

    def convolved_and_normed(x, stride=1):
        weight = next(rest)
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
        return F.batch_norm(x, None, None, next(rest), next(rest), training=True)

    x = F.relu(convolved_and_normed(x.reshape(-1, 3, 16, 16)))
    for stride in (1, 2, 2):
        y = F.relu(convolved_and_normed(x, stride))
        y = convolved_and_normed(y)
        x = F.relu(y + (convolved_and_normed(x, stride) if stride > 1 else x))
    return F.linear(x.mean((2, 3)), next(rest), next(rest))


def lstm(parameters, x):
    """The LSTM that PyTorch has in one piece."""
    *weights, w_head, b_head = parameters
    x = x.reshape(-1, 8, 20).transpose(1, 2)
    nothing = x.new_zeros(1, len(x), weights[1].shape[1])
    _, hidden, _ = torch._VF.lstm(x, (nothing, nothing), weights, True, 1, 0.0, True, False, True)
    return F.linear(hidden[0], w_head, b_head)


def lstm_in_steps(parameters, x):
    """The same written out, since torch.func has no rule for that one."""
    w_in, w_state, b_in, b_state, w_head, b_head = parameters
    inputs = F.linear(x.reshape(-1, 8, 20).permute(2, 0, 1), w_in, b_in + b_state)
    hidden = cell = inputs.new_zeros(inputs.shape[1], w_state.shape[1])
    for at in inputs.unbind(0):
        i, f, g, o = (at + F.linear(hidden, w_state)).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
    return F.linear(hidden, w_head, b_head)


def lm(parameters, x):
    """The preset `transformer`; attention is written out, since torch.func has no rule for the gradient of the fused one."""
    embedding, positions, *blocks, norm_weight, norm_bias, head, head_bias = parameters
    y = F.embedding(x, embedding) + positions
    (batch, length, width), heads = y.shape, LM_HEADS
    later = torch.ones(length, length, dtype=torch.bool, device=y.device).triu(1)
    for i in range(0, len(blocks), 12):
        n1, b1, w_in, b_in, w_out, b_out, n2, b2, w1, c1, w2, c2 = blocks[i : i + 12]
        each = F.linear(F.layer_norm(y, (width,), n1, b1), w_in, b_in)
        q, k, v = each.reshape(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(2, 3) / (width // heads) ** 0.5).masked_fill(later, float("-inf"))
        y = y + F.linear((scores.softmax(3) @ v).transpose(1, 2).reshape(batch, length, width), w_out, b_out)
        y = y + F.linear(F.relu(F.linear(F.layer_norm(y, (width,), n2, b2), w1, c1)), w2, c2)
    return F.linear(F.layer_norm(y, (width,), norm_weight, norm_bias), head, head_bias).flatten(0, 1)


NETWORKS = {"mlp": mlp, "cnn": cnn, "lm": lm, "resnet8": resnet8, "lstm": lstm}
# Those which are written otherwise under vmap.
TOGETHER = NETWORKS | {"lstm": lstm_in_steps}


SLOW = ("medium", "wide", "cnn", "lm", "resnet8")


def loss_of(network, parameters, x, y):
    return F.cross_entropy(network(parameters, x), y.flatten())


def optimiser(task, parameters):
    """PyTorch's fastest: fused."""
    if task.sgd:
        return torch.optim.SGD(parameters, lr=task.lr, fused=True)
    return torch.optim.Adam(
        parameters, lr=task.lr, betas=(BETA1, BETA2), eps=EPSILON, fused=True, capturable=CUDA
    )


class Loop:
    """One replica after the other."""

    variant = "loop"

    def __init__(self, task):
        self.task, self.x, self.y = task, to(task.x), to(task.y)
        self.replicas = max(task.loop, task.agree)
        self.parameters = [[to(p[r]).requires_grad_() for p in task.parameters] for r in range(self.replicas)]
        self.optimisers = [optimiser(task, parameters) for parameters in self.parameters]
        self.rows = to(task.rows)

    def steps(self, replicas, count):
        """`count` steps of each of the first `replicas`; their losses, [replicas, count]."""
        losses = [[] for _ in range(replicas)]
        for r in range(replicas):
            for step in range(count):
                rows = self.rows[step, r]
                loss = loss_of(NETWORKS[self.task.network], self.parameters[r], self.x[rows], self.y[rows])
                self.optimisers[r].zero_grad()
                loss.backward()
                self.optimisers[r].step()
                losses[r].append(loss.detach())
        wait()
        return losses


class Together:
    """All replicas in each operation."""

    variant = "vmap, CUDA graph" if CUDA else "vmap"

    def __init__(self, task):
        self.task, self.x, self.y = task, to(task.x), to(task.y)
        self.rows = to(task.rows)
        self.parameters = [to(p) for p in task.parameters]
        self.optimiser = optimiser(task, self.parameters)
        self.gradients = vmap(grad_and_value(partial(loss_of, TOGETHER[task.network])))
        self.turn = torch.zeros((), dtype=torch.int64, device=DEVICE)
        self.losses = torch.zeros(STEPS, task.replicas, device=DEVICE)
        self.graph = None

    def one(self):
        """A step; which one is counted on the device, so that the step can be replayed."""
        at = self.turn.reshape(1)
        rows = self.rows.index_select(0, at)[0]
        gradients, losses = self.gradients(self.parameters, self.x[rows], self.y[rows])
        for parameter, gradient in zip(self.parameters, gradients):
            parameter.grad = gradient
        self.optimiser.step()
        self.losses.index_copy_(0, at, losses[None])
        self.turn.add_(1).remainder_(STEPS)

    def capture(self):
        """The CUDA graph of a step. Warming up moves the parameters: they are put back in place."""
        kept = [p.clone() for p in self.parameters]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.one()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.one()
        with torch.no_grad():
            for parameter, value in zip(self.parameters, kept):
                parameter.copy_(value)
            for state in self.optimiser.state.values():
                for value in state.values():
                    value.zero_()
        self.turn.zero_()

    def steps(self, count):
        if CUDA and self.graph is None:
            self.capture()
        for _ in range(count):
            self.graph.replay() if self.graph else self.one()
        wait()


def train(peer, task):
    loop = Loop(task)
    peer.losses(task.name, loop.variant, loop.steps(task.agree, STEPS))
    count = 5 if task.name in SLOW else 25
    call = lambda: loop.steps(task.loop, count)
    peer.speed(task.name, loop.variant, timed(call, task.loop * count, peer.args.quick))

    together = Together(task)
    together.steps(STEPS)
    peer.losses(task.name, together.variant, together.losses.T[: task.agree])
    count = 2 if task.name in SLOW else 10
    call = lambda: together.steps(count)
    peer.speed(task.name, together.variant, timed(call, task.replicas * count, peer.args.quick))


def cka(x):
    """Linear CKA of all pairs of [n, examples, width], through the Gram matrices of the examples."""
    x = x - x.mean(1, keepdim=True)
    grams = (x @ x.transpose(1, 2)).flatten(1)
    products = grams @ grams.T
    norms = products.diagonal().sqrt()
    return products / norms[:, None] / norms[None, :]


def main():
    torch.set_float32_matmul_precision("highest")
    peer = Peer("PyTorch")
    for task in peer.tasks():
        train(peer, task)

    def finished(work):
        work()
        wait()

    with torch.no_grad():
        if "cka" in peer.wanted:
            peer.cka("eager", cka(to(np.load(Path(peer.args.folder) / "representations.npy"))))
            x = to(representations())
            peer.speed("cka", "eager", timed(lambda: finished(lambda: cka(x)), pairs_of(len(x)), peer.args.quick))
        if "matmul" in peer.wanted:
            a, b = to(square(1)), to(square(2))
            call = lambda: finished(lambda: a @ b)
            peer.speed("matmul", "eager", timed(call, 2e-9 * MATMUL**3, peer.args.quick))
    device = torch.cuda.get_device_name() if CUDA else f"cpu, {torch.get_num_threads()} threads"
    peer.write(device, f"torch {torch.__version__}")


main()
