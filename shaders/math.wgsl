// Functions whose built-in forms are inexact, undefined at large arguments, or hide NaN on some adapter.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
}

fn is_number(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u;
}

// The larger of two, and not a number if either is none: max() gives the other on some adapters.
fn larger_of(a: f32, b: f32) -> f32 {
    return select(a, select(b, max(a, b), is_number(b)), is_number(a));
}

// Near zero the [5/4] convergent of Lambert's continued fraction, which keeps the relative error small (some drivers
// subtract two exponentials); beyond, one exponential that may overflow without harm.
fn tanh_of(x: f32) -> f32 {
    let a = abs(x);
    let s = x * x;
    let near = x * (945.0 + s * (105.0 + s)) / (945.0 + s * (420.0 + s * 15.0));
    let far = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
    return select(select(-far, far, x > 0.0), near, a < 0.6);
}

fn sigmoid_of(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-x));
}

// log(1 + t) for t in [0, 1] as 2 artanh(t / (2 + t)), by its series.
fn log1p_of(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let q = s * s;
    let series = 1.0 + q * (0.33333334 + q * (0.2 + q * (0.14285715 + q * (0.11111111
        + q * (0.09090909 + q * (0.07692308 + q * 0.06666667))))));
    return 2.0 * s * series;
}

fn softplus_of(x: f32) -> f32 {
    return max(x, 0.0) + log1p_of(exp(-abs(x)));
}

// exp(x) - 1 for x <= 0 without cancellation near zero.
fn elu_of(x: f32) -> f32 {
    let near = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.008333334 + x * 0.0013888889)))));
    return select(exp(x) - 1.0, near, x > -0.35);
}

// Abramowitz and Stegun 7.1.26 beyond 0.5 (absolute error 1.5e-7), the Maclaurin series below.
fn erf_of(x: f32) -> f32 {
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let far = 1.0 - poly * exp(-a * a);
    let s = x * x;
    let near = 1.1283792 * x * (1.0 - s * (0.33333334 - s * (0.1 - s * (0.023809524 - s * (0.004629630 - s * 0.00075757576)))));
    return select(select(-far, far, x > 0.0), near, a < 0.5);
}

