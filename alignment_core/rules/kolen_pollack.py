"""Kolen-Pollack's rule (Kolen and Pollack 1994), with tied gradients and as gradient descent."""

from alignment_core.rules.alignment import Alignment


class KolenPollack(Alignment):
    """Kolen-Pollack: backward kernels that receive the forward kernels' own updates.

    Gradients are tied, as in the published code: the gradient of J for B is the transpose of W's
    pseudogradient, and R is decay alone. J's optimizer moves B as it moves W. R is added to J as
    W's L2 penalty is, so both decays pass through the momentum and follow J's schedule. For plain
    gradient descent at learning rate eta the updates are

        Delta W = -eta (g x^T + weight_decay W),  Delta B = -eta (x g^T + decay B)

    They are the updates of App. D.3, with lambda_KP = eta decay, if `decay` equals J's weight
    decay. W - B^T then follows a linear recursion that doesn't depend on the data, and goes to
    zero. With another `decay` it doesn't. At learning rate eta and momentum m the difference
    shrinks e-fold in about (1 - m) / (eta decay) steps.

        >>> KolenPollack(decay=1e-3).tie_gradients
        True

    Source: Kunin et al. 2020, App. D.3.
    """

    primitives = ("decay",)
    tie_gradients = True


class KolenPollackAngle(Alignment):
    """Kolen-Pollack as gradient descent: R_KP = angle + decay, weighted.

    It equals `KolenPollack` with weights 1 and lambda_KP / eta, if R has J's optimizer and
    schedule. R needs J's pseudogradients, so both losses are minimized simultaneously.

        >>> KolenPollackAngle(angle=1.0, decay=1e-3).needs_pseudogradients
        True

    Source: Kunin et al. 2020, App. D.3.
    """

    primitives = ("angle", "decay")
