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
    log_student = functional.log_softmax(student / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher / temperature, dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, log_target=True, reduction="batchmean")
    return temperature**2 * divergence


class LatentProjection(nn.Module):
    """Widens a student's latent space to its teacher's, so that the two can be compared."""

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student_width, teacher_width)

    def forward(self, student: VgaeOutput, teacher: VgaeOutput) -> Tensor:
        """Half the squared distance of latent means, half that of rebuilt features, means over nodes."""
        latent = functional.mse_loss(self.linear(student.mean), teacher.mean)
        rebuilt = functional.mse_loss(student.features, teacher.features)
        return 0.5 * (latent + rebuilt)


def blend(task: Tensor, distilled: Tensor, alpha: float) -> Tensor:
    """alpha of the teacher's word, the rest of the labels'."""
    return torch.lerp(task, distilled, alpha)
