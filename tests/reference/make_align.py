"""One step of gradient descent on cross-entropy and terms that align layers, in float64.

    python tests/reference/make_align.py      # align.safetensors, beside this script

A network of widths 6, 8, 8, 5 with tanh, a teacher of widths 6, 7, 5 that is not trained, 12 examples. The tensors: `x`, `labels`, the
weights before (`fc1.weight` ..., `teacher.fc1.weight` ...), each term without its weight (`term/<name>`), the loss of the task
(`task`, and `teacher.task` of the teacher), and the weights after a step on the task and the terms within the network
(`own/fc1.weight` ...), or all terms (`all/fc1.weight` ...). Of a term with `stop` the second is held.
"""

from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
LR = 0.1
torch.set_default_dtype(torch.float64)


def linear_cka(x, y, debiased):
    n = len(x)
    k, l = ((z - z.mean(0)) @ (z - z.mean(0)).T for z in (x, y))
    if debiased:

        def centred(m):
            m = m - torch.diag(torch.diag(m))
            rows = m.sum(1, keepdim=True) / (n - 2)
            m = m - rows - rows.T + m.sum() / ((n - 1) * (n - 2))
            return m - torch.diag(torch.diag(m))

        k, l = centred(k), centred(l)
    return (k * l).sum() / torch.sqrt((k * k).sum() * (l * l).sum())


def rdm(x):
    above = torch.triu_indices(len(x), len(x), 1)
    return (1 - torch.corrcoef(x))[above[0], above[1]]


def rsa_pearson(x, y):
    return torch.corrcoef(torch.stack([rdm(x), rdm(y)]))[0, 1]


def rsa_cosine(x, y):
    return F.cosine_similarity(rdm(x), rdm(y), dim=0)


def shapes(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.svdvals(x.T @ y).sum(), (x * x).sum(), (y * y).sum()


def procrustes_squared(x, y):
    nuclear, a, b = shapes(x, y)
    return a + b - 2 * nuclear


def disparity(x, y):
    nuclear, a, b = shapes(x, y)
    return 1 - nuclear**2 / (a * b)


def kl(x, y):
    return F.kl_div(F.log_softmax(x, 1), F.log_softmax(y, 1), log_target=True, reduction="batchmean")


# Name, layers, weight, whether the second is held.
TERMS = [
    ("cka", lambda x, y: 1 - linear_cka(x, y, True), "fc1", "fc2", 0.7, False),
    ("biased", lambda x, y: 1 - linear_cka(x, y, False), "fc1", "head", 0.5, True),
    ("pearson", lambda x, y: 1 - rsa_pearson(x, y), "fc2", "teacher.fc1", 0.4, False),
    ("cosine", lambda x, y: 1 - rsa_cosine(x, y), "fc2", "fc1", 0.3, True),
    ("squared", procrustes_squared, "fc1", "teacher.fc1", 0.02, False),
    ("disparity", disparity, "fc2", "head", 0.6, False),
    ("mse", F.mse_loss, "fc2", "fc1", 0.8, False),
    ("kl", kl, "head", "teacher.head", 0.9, False),
]


def main():
    torch.manual_seed(7)
    x = torch.randn(12, 6).float().double()
    labels = torch.randint(0, 5, (12,))
    net = nn.ModuleDict({"fc1": nn.Linear(6, 8), "fc2": nn.Linear(8, 8), "head": nn.Linear(8, 5)})
    teacher = nn.ModuleDict({"fc1": nn.Linear(6, 7), "head": nn.Linear(7, 5)})
    for p in [*net.parameters(), *teacher.parameters()]:
        p.data = p.data.float().double()
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    before |= {f"teacher.{n}": p.detach().clone() for n, p in teacher.named_parameters()}
    h1 = torch.tanh(net["fc1"](x))
    h2 = torch.tanh(net["fc2"](h1))
    seen = {"fc1": h1, "fc2": h2, "head": net["head"](h2)}
    with torch.no_grad():
        t = torch.tanh(teacher["fc1"](x))
        seen |= {"teacher.fc1": t, "teacher.head": teacher["head"](t)}
    task = F.cross_entropy(seen["head"], labels)
    terms = {name: f(seen[a], seen[b].detach() if stop else seen[b]) for name, f, a, b, _, stop in TERMS}
    out = {"x": x, "labels": labels.double(), "task": task.reshape(1), **before}
    out["teacher.task"] = F.cross_entropy(seen["teacher.head"], labels).reshape(1)
    out |= {f"term/{name}": value.reshape(1) for name, value in terms.items()}
    for which in ["own", "all"]:
        chosen = [(name, weight) for name, _, _, to, weight, _ in TERMS if which == "all" or "." not in to]
        total = task + sum(weight * terms[name] for name, weight in chosen)
        gradients = torch.autograd.grad(total, list(net.parameters()), retain_graph=True)
        out |= {f"{which}/{n}": p - LR * g for (n, p), g in zip(net.named_parameters(), gradients)}
    arrays = {name: np.ascontiguousarray(value.detach().numpy()) for name, value in out.items()}
    safetensors.numpy.save_file(arrays, HERE / "align.safetensors")


if __name__ == "__main__":
    main()
