"""Losses that pull a student towards its teacher."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.vgae import VgaeOutput


def soft_label_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of the softened class distributions (Hinton, Vinyals and Dean 2015).

    Args:
        student, teacher: [G, C] logits; softmax runs over the classes of one graph, never over a batch.
    """
    log_student = functional.log_softmax(student.float() / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher.float() / temperature, dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, log_target=True, reduction="batchmean")
    return temperature**2 * divergence


class LatentProjection(nn.Module):
    """Widens a student's latent space to its teacher's, so that the two can be compared."""

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student_width, teacher_width)

    def forward(self, student: VgaeOutput, mean: Tensor, features: Tensor) -> Tensor:
        """Half the squared distance to the teacher's latent means, half that to its rebuilt features, means over
        nodes."""
        latent = functional.mse_loss(self.linear(student.mean).float(), mean)
        rebuilt = functional.mse_loss(student.features, features)
        return 0.5 * (latent + rebuilt)


class EmbeddingProjection(nn.Module):
    """Widens a student's pooled embedding to its teacher's (Romero et al., "FitNets", 2015)."""

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student_width, teacher_width)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean squared distance of [G, W] embeddings, in the teacher's space."""
        return functional.mse_loss(self.linear(student).float(), teacher.float())


def blend(task: Tensor, distilled: Tensor, alpha: float) -> Tensor:
    """alpha of the teacher's word, the rest of the labels'."""
    return torch.lerp(task, distilled, alpha)
