"""JAX: the replicas under vmap, the steps under lax.scan, all of it under jit. No TF32."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from common import BETA1, BETA2, EPSILON, LM_HEADS, MATMUL, STEPS, pairs_of, representations, square, timed
from peer import Peer

jax.config.update("jax_default_matmul_precision", "float32")
VARIANT = "vmap, scan, jit"


def mlp(parameters, x):
    for i in range(0, len(parameters), 2):
        x = x @ parameters[i].T + parameters[i + 1]
        x = jax.nn.relu(x) if i + 2 < len(parameters) else x
    return x


def convolved(x, weight, stride=1):
    """XLA's own convolution, channels last, which it prefers, with as many zeros around as the kernel reaches."""
    around = [(k // 2, k // 2) for k in weight.shape[2:]]
    return lax.conv_general_dilated(
        x, weight.transpose(2, 3, 1, 0), (stride, stride), around, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def by_patches(x, weight, stride=1):
    """The windows side by side, and a product with them: under vmap XLA's convolutions become grouped ones."""
    n, h, w, _ = x.shape
    kh, kw = weight.shape[2:]
    padded = jnp.pad(x, ((0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)))
    patches = [padded[:, i : i + h : stride, j : j + w : stride] for i in range(kh) for j in range(kw)]
    return jnp.concatenate(patches, axis=3) @ weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0])


def cnn(convolve, parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    x = x.reshape(-1, 8, 8, 1)
    x = jax.nn.relu(convolve(x, w1) + b1)
    x = jax.nn.relu(convolve(x, w2) + b2)
    x = x.reshape(-1, 4, 2, 4, 2, x.shape[3]).max((2, 4))
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1) @ w3.T + b3


def resnet8(convolve, parameters, x):
    rest = iter(parameters)

    def convolved_and_normed(x, stride=1):
        """Norm over the batch and the positions, as batch norm trains."""
        x = convolve(x, next(rest), stride)
        centred = x - x.mean((0, 1, 2))
        return centred * lax.rsqrt(jnp.square(centred).mean((0, 1, 2)) + 1e-5) * next(rest) + next(rest)

    x = x.reshape(-1, 3, 16, 16).transpose(0, 2, 3, 1)
    x = jax.nn.relu(convolved_and_normed(x))
    for stride in (1, 2, 2):
        y = jax.nn.relu(convolved_and_normed(x, stride))
        y = convolved_and_normed(y)
        x = jax.nn.relu(y + (convolved_and_normed(x, stride) if stride > 1 else x))
    return x.mean((1, 2)) @ next(rest).T + next(rest)


def lstm(parameters, x):
    w_in, w_state, b_in, b_state, w_head, b_head = parameters
    inputs = x.reshape(-1, 8, 20).transpose(2, 0, 1) @ w_in.T + b_in + b_state

    def step(state, at):
        hidden, cell = state
        i, f, g, o = jnp.split(at + hidden @ w_state.T, 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    nothing = jnp.zeros((inputs.shape[1], w_state.shape[1]))
    (hidden, _), _ = lax.scan(step, (nothing, nothing), inputs)
    return hidden @ w_head.T + b_head


def normed(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * weight + bias


def lm(parameters, x):
    embedding, positions, *blocks, norm_weight, norm_bias, head, head_bias = parameters
    y = embedding[x] + positions
    (batch, length, width), heads = y.shape, LM_HEADS
    seen = jnp.tril(jnp.ones((length, length), bool))
    for i in range(0, len(blocks), 12):
        n1, b1, w_in, b_in, w_out, b_out, n2, b2, w1, c1, w2, c2 = blocks[i : i + 12]
        each = normed(y, n1, b1) @ w_in.T + b_in
        q, k, v = each.reshape(batch, length, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
        scores = jnp.where(seen, q @ k.swapaxes(2, 3) / (width // heads) ** 0.5, -jnp.inf)
        mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(batch, length, width)
        y = y + mixed @ w_out.T + b_out
        y = y + jax.nn.relu(normed(y, n2, b2) @ w1.T + c1) @ w2.T + c2
    return (normed(y, norm_weight, norm_bias) @ head.T + head_bias).reshape(batch * length, -1)


# Each network, in the forms that it can be written in: which is fastest depends on the machine. On processors XLA did not compile the
# gradients of its own convolutions under vmap and scan in eight minutes (`cnn`, 64 networks, jax 0.10.2), so that it is not asked to.
CONVOLUTIONS = {", patches": by_patches} | ({} if jax.default_backend() == "cpu" else {", lax.conv": convolved})
NETWORKS = {
    "mlp": {"": mlp},
    "lm": {"": lm},
    "lstm": {"": lstm},
    "cnn": {form: partial(cnn, convolve) for form, convolve in CONVOLUTIONS.items()},
    "resnet8": {form: partial(resnet8, convolve) for form, convolve in CONVOLUTIONS.items()},
}


def loss_of(network, parameters, x, y):
    x = network(parameters, x)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y.reshape(-1, 1), axis=1))


def one_replica(network, x, y, lr, sgd, state, rows):
    """One step of one replica, of Adam or of plain gradient descent."""
    parameters, first, second, t = state
    loss, gradients = jax.value_and_grad(partial(loss_of, network))(parameters, x[rows], y[rows])
    if sgd:
        return (jax.tree.map(lambda p, g: p - lr * g, parameters, gradients), first, second, t), loss
    t = t + 1
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
    scale1, scale2 = 1 - BETA1**t, 1 - BETA2**t
    move = lambda p, m, v: p - lr * (m / scale1) / (jnp.sqrt(v / scale2) + EPSILON)
    return (jax.tree.map(move, parameters, first, second), first, second, t), loss


def trainer(task, network, chunk):
    """Starting state, and a function that takes `chunk` steps of all replicas."""
    x, y = jnp.asarray(task.x), jnp.asarray(task.y)
    step = jax.vmap(partial(one_replica, network, x, y, task.lr, task.sgd))

    @partial(jax.jit, donate_argnums=0)
    def steps(state, rows):
        return lax.scan(step, state, rows, length=chunk)

    def start():
        parameters = [jnp.asarray(p) for p in task.parameters]
        zeros = lambda: [] if task.sgd else [jnp.zeros_like(p) for p in parameters]
        return parameters, zeros(), zeros(), jnp.zeros(task.replicas)

    return start, steps


def train(peer, task, form, network):
    variant = VARIANT + form
    chunk = {"medium": 10, "wide": 10, "cnn": 2, "lm": 2, "resnet8": 2, "lstm": 10}.get(task.name, STEPS)
    start, steps = trainer(task, network, chunk)
    rows = [jnp.asarray(task.rows[at : at + chunk]) for at in range(0, STEPS, chunk)]
    state, losses = start(), []
    for part in rows:
        state, loss = steps(state, part)
        losses.append(np.asarray(loss))
    peer.losses(task.name, variant, np.concatenate(losses).T[: task.agree])

    turn = 0

    def call():
        nonlocal state, turn
        state, loss = steps(state, rows[turn % len(rows)])
        turn += 1
        loss.block_until_ready()

    peer.speed(task.name, variant, timed(call, task.replicas * chunk, peer.args.quick))


@jax.jit
def cka(x):
    """Linear CKA of all pairs of [n, examples, width], through the Gram matrices of the examples."""
    x = x - x.mean(1, keepdims=True)
    grams = (x @ x.transpose(0, 2, 1)).reshape(len(x), -1)
    products = grams @ grams.T
    norms = jnp.sqrt(jnp.diag(products))
    return products / norms[:, None] / norms[None, :]


def main():
    peer = Peer("JAX")
    for task in peer.tasks():
        for form, network in NETWORKS[task.network].items():
            train(peer, task, form, network)
    if "cka" in peer.wanted:
        peer.cka("jit", cka(jnp.asarray(np.load(Path(peer.args.folder) / "representations.npy"))))
        x = jnp.asarray(representations())
        peer.speed("cka", "jit", timed(lambda: cka(x).block_until_ready(), pairs_of(len(x)), peer.args.quick))
    if "matmul" in peer.wanted:
        a, b, product = jnp.asarray(square(1)), jnp.asarray(square(2)), jax.jit(jnp.matmul)
        gflop = 2e-9 * MATMUL**3
        peer.speed("matmul", "jit", timed(lambda: product(a, b).block_until_ready(), gflop, peer.args.quick))
    device = jax.devices()[0]
    peer.write(f"{device.platform} {device.device_kind}", f"jax {jax.__version__}")


main()
