// Cosines and sines of rotary positions. They are few, so one plain implementation serves all tables;
// like everything that results depend on, it is a fixed sequence of IEEE-754 operations.
#include "include/CEdgeKernels.h"

#pragma STDC FP_CONTRACT OFF

/// 1.5 · 2⁵²: added to a number below 2⁵¹, it leaves the number rounded to an integer.
#define ROUNDER 0x1.8p52

/// π/2 in three parts of 33 bits and a rest, so that their products with integers below 2²⁰ are exact.
#define HALF_PI_1 0x1.921fb544p0
#define HALF_PI_2 0x1.0b4611a6p-34
#define HALF_PI_3 0x1.3198a2e037073p-69

/// sin(r) and cos(r) for |r| ≤ π/4, by Taylor's series; the first term left out is below 2⁻⁵⁴.
static double sine_of(double r) {
    double s = r * r;
    double p = s * (-1.0 / 1307674368000.0) + 1.0 / 6227020800.0;
    p = p * s - 1.0 / 39916800.0;
    p = p * s + 1.0 / 362880.0;
    p = p * s - 1.0 / 5040.0;
    p = p * s + 1.0 / 120.0;
    p = p * s - 1.0 / 6.0;
    return (p * s) * r + r;
}

static double cosine_of(double r) {
    double s = r * r;
    double p = s * (1.0 / 20922789888000.0) - 1.0 / 87178291200.0;
    p = p * s + 1.0 / 479001600.0;
    p = p * s - 1.0 / 3628800.0;
    p = p * s + 1.0 / 40320.0;
    p = p * s - 1.0 / 720.0;
    p = p * s + 1.0 / 24.0;
    p = p * s - 0.5;
    return p * s + 1.0;
}

void edgek_angles(
    const float *frequencies, int64_t count, int64_t first_position, int64_t row_count,
    float factor, float *y
) {
    for (int64_t row = 0; row < row_count; row++, y += 2 * count) {
        float position = (float)(first_position + row);
        for (int64_t i = 0; i < count; i++) {
            double a = (double)(position * frequencies[i]);
            if (!(a > -0x1p20 && a < 0x1p20)) {
                y[i] = y[count + i] = __builtin_nanf("");
                continue;
            }
            double quarters = (a * 0x1.45f306dc9c883p-1 + ROUNDER) - ROUNDER;
            double r = ((a - quarters * HALF_PI_1) - quarters * HALF_PI_2) - quarters * HALF_PI_3;
            double sine = sine_of(r), cosine = cosine_of(r);
            int32_t quarter = (int32_t)quarters & 3;
            double turned_sine = quarter & 1 ? cosine : sine;
            double turned_cosine = quarter & 1 ? sine : cosine;
            if (quarter == 1 || quarter == 2) turned_cosine = -turned_cosine;
            if (quarter >= 2) turned_sine = -turned_sine;
            y[i] = (float)turned_cosine * factor;
            y[count + i] = (float)turned_sine * factor;
        }
    }
}
