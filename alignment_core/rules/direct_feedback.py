"""Direct feedback alignment (Nøkland 2016): each layer gets the error of the network's output."""

from collections.abc import Mapping
from typing import Any

from alignment_core.errors import ConfigurationError
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import BackwardPassOperations


class DirectFeedbackAlignment(Alignment):
    """Direct feedback alignment: the error at the output, times a fixed random matrix.

    With e = dJ/da, the gradient (batch, outputs) of J for the network's outputs before their
    activation (the paper's a_y), the gradient of J for a layer's input x is replaced:

        dx = e B                                   dense, B (outputs, inputs)
        dx = transposed convolution of E with B    convolution, B (height, width, cin, outputs)

    E has e at each position of the layer's output. The gradient for W is the usual one, of x and
    the gradient that arrives at the layer's output. R is 0, and B is drawn once, uniformly between
    Glorot's limits.

    The layers get e from `layers.direct.send_error`, which `AlignedModel` and `Trainer` call.
    Elsewhere their gradient is refused.

        >>> DirectFeedbackAlignment(outputs=10).backward_units(64)
        10

    Source: Nøkland 2016 (arXiv 1609.01596), for dense layers. There a convolution's feedback
    reaches each unit by a weight of its own; the form here, which shares weights as a convolution
    does, is that of the published version of BioTorch.
    """

    direct = True
    backward_initializer = "glorot_uniform"

    def __init__(
        self,
        /,
        weights: Mapping[str, Any] | None = None,
        operations: BackwardPassOperations | None = None,
        noise_stddev: Any = None,
        *,
        outputs: int | None = None,
    ) -> None:
        """Set the number of outputs of the network.

        Args:
            weights: none.
            operations: without effect, since R is 0.
            noise_stddev: likewise.
            outputs: number of outputs of the network, which each layer's B has a row for. None is
                for a rule that isn't given to a layer yet; `Trainer` sets the number itself.

        Raises:
            ConfigurationError: `outputs` is below one, or an argument is as `Alignment` refuses.
        """
        super().__init__(weights, operations or BackwardPassOperations(), noise_stddev)
        if outputs is not None and outputs < 1:
            raise ConfigurationError(
                f"DirectFeedbackAlignment: outputs is {outputs}; give the number of outputs of the "
                "network, at least 1"
            )
        self.outputs = outputs

    def backward_units(self, units: int) -> int:
        """Return the number of outputs of the network.

        Raises:
            ConfigurationError: the rule wasn't told this number.
        """
        if self.outputs is None:
            raise ConfigurationError(
                "DirectFeedbackAlignment needs the number of outputs of the network for its "
                "backward kernels: DirectFeedbackAlignment(outputs=10)"
            )
        return self.outputs

    def get_config(self) -> dict[str, Any]:
        """Return the configuration of `Alignment` and the number of outputs."""
        return {**super().get_config(), "outputs": self.outputs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "DirectFeedbackAlignment":
        """Make the rule that `get_config` describes."""
        operations = BackwardPassOperations(**config["operations"])
        return cls(config["weights"], operations, config["noise_stddev"], outputs=config["outputs"])
