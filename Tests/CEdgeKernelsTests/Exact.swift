import Glibc

// Double-precision functions of the C library, the yardstick for the float ones.

func exponential(_ x: Double) -> Double {
    exp(x)
}

/// x · Φ(x), through the complementary error function: it does not cancel for negative x.
func exactGELU(_ x: Double) -> Double {
    0.5 * x * erfc(-x / 2.0.squareRoot())
}

func exactTanhGELU(_ x: Double) -> Double {
    let u = 2 * (2 / Double.pi).squareRoot() * (x + Double(Float(0.044715)) * x * x * x)
    return x / (1 + exp(-u))
}

func exactSiLU(_ x: Double) -> Double {
    x / (1 + exp(-x))
}

func exactTanh(_ x: Double) -> Double {
    tanh(x)
}

func exactSigmoid(_ x: Double) -> Double {
    1 / (1 + exp(-x))
}

func exactSine(_ x: Double) -> Double {
    sin(x)
}

func exactCosine(_ x: Double) -> Double {
    cos(x)
}
