// The element-wise functions of `edgek_activation`, for the type of edgek_math.h.
#include "edgek_math.h"
#include "include/CEdgeKernels.h"

EDGEK_TYPED edgek_real edgek_activate(edgek_real x, edgek_activation activation) {
    switch (activation) {
    case EDGEK_ACTIVATION_NONE: return x;
    case EDGEK_ACTIVATION_RELU: return x < 0.0f ? (edgek_real)(0.0f) : x;
    case EDGEK_ACTIVATION_GELU: return edgek_gelu(x);
    case EDGEK_ACTIVATION_GELU_TANH: return edgek_gelu_tanh(x);
    case EDGEK_ACTIVATION_SILU: return edgek_silu(x);
    case EDGEK_ACTIVATION_TANH: return edgek_tanh(x);
    case EDGEK_ACTIVATION_SIGMOID: return edgek_sigmoid(x);
    }
    return x;
}

/// As `edgek_activate`, where the result becomes a code of eight bits.
EDGEK_TYPED edgek_real edgek_activate_coarse(edgek_real x, edgek_activation activation) {
    return activation == EDGEK_ACTIVATION_GELU
        ? edgek_gelu_coarse(x) : edgek_activate(x, activation);
}
