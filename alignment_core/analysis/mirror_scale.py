"""The size of weight mirror's backward kernels, by the order of its weights.

Under Akrout et al.'s operations and noise of variance sigma^2, R's gradient for B is

    decay B - amp E[sum over positions of x f^T],  f = relu(W x) less its mean over the batch.

By Stein's lemma E[x f^T] = sigma^2 W^T / 2 for a symmetric input of mean zero. So plain gradient
descent on R brings B to (amp / decay) (sigma^2 / 2) positions W^T, as if each of a convolution's
output positions were a sample more. Table 5's WM column, with vanilla gradient descent at rate 1,
can only be in the weights order in which these are sizes that the network can be trained with.
"""

from collections.abc import Mapping


def fixed_point_ratio(weights: Mapping[str, float], noise_stddev: float, positions: int) -> float:
    """Return ||B|| / ||W|| at the fixed point of R, at the layer's initial biases of zero.

        >>> fixed_point_ratio({"amp": 2.0, "decay": 1.0}, noise_stddev=1.0, positions=49)
        49.0

    Args:
        weights: weights of the primitives amp and decay.
        noise_stddev: standard deviation of the noise that replaces the layer's input.
        positions: number of output positions, height times width; 1 in a dense layer. A padded
            convolution has a little less, because its border sees fewer pixels.

    Source: derived here from Kunin et al. 2020, App. B.1.1.
    """
    return weights["amp"] / weights["decay"] * noise_stddev**2 / 2 * positions
