// The squashed Gaussian as plain numbers: a = tanh(u), u ~ N(mean, exp(logStd)^2). Nothing here touches the page, so that a
// test can run it by itself; agreement() holds it to the numbers of nn/distributions that the page brings along.
"use strict";

const logTwoPi = Math.log(2 * Math.PI);

// log(1 + exp(x)), which neither overflows nor loses small ones.
const softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const logNormal = (u, mean, logStd) => -(((u - mean) * Math.exp(-logStd)) ** 2 + logTwoPi) / 2 - logStd;

// log(1 - tanh(u)^2) = log da/du. The difference itself is 0 from u = 19 on, and its log infinite.
const logSlope = u => 2 * (Math.LN2 - Math.abs(u) - softplus(-2 * Math.abs(u)));

// log pi(a) at a = tanh(u).
const logPi = (u, mean, logStd) => logNormal(u, mean, logStd) - logSlope(u);

const normalEntropy = std => Math.log(std) + (logTwoPi + 1) / 2;

// H(u) + E log(1 - tanh(u)^2), as nn/distributions/entropy.cpp.
function squashedEntropy(mean, std) {
  const step = 0.25 / Math.max(1, std), count = Math.floor(9 / step);
  let weights = 0, sum = 0;
  for (let i = -count; i <= count; ++i) {
    const z = step * i, weight = Math.exp(-z * z / 2);
    weights += weight;
    sum += weight * logSlope(mean + std * z);
  }
  return normalEntropy(std) + sum / weights;
}

// The std at which that is largest, by golden-section search over its log.
function mostRandomStd(mean) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = -5, high = 3;
  while (high - low > 1e-7) {
    const left = high - ratio * (high - low), right = low + ratio * (high - low);
    if (squashedEntropy(mean, Math.exp(left)) > squashedEntropy(mean, Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

// The areas under two curves over a: pi(a), which has the Jacobian, and N(u) at u = atanh(a), which has not. Each is that of a
// polygon with corners at many a = tanh(u); nothing here knows that one of them should be 1. How far apart two corners are,
// tanh(v) - tanh(u), is sinh(v - u) / (cosh u cosh v): near the edges the difference itself has no digits.
function areas(mean, logStd) {
  const std = Math.exp(logStd), step = Math.min(0.004, std / 60), count = Math.ceil(18 * std / step);
  const corner = i => {
    const u = mean - 9 * std + i * step;
    return {u, bare: Math.exp(logNormal(u, mean, logStd)), pi: Math.exp(logPi(u, mean, logStd))};
  };
  let bare = 0, pi = 0, before = corner(0);
  for (let i = 1; i <= count; ++i) {
    const now = corner(i), width = Math.sinh(now.u - before.u) / Math.cosh(before.u) / Math.cosh(now.u);
    bare += (before.bare + now.bare) / 2 * width;
    pi += (before.pi + now.pi) / 2 * width;
    before = now;
  }
  return {bare, pi};
}

// Standard normal draws, the same for the same seed: Box and Muller's method over mulberry32.
function makeNormals(seed) {
  let state = seed >>> 0, kept = null;
  const uniform = () => {
    state = state + 0x6d2b79f5 >>> 0;
    let x = Math.imul(state ^ state >>> 15, state | 1);
    x ^= x + Math.imul(x ^ x >>> 7, x | 61);
    return ((x ^ x >>> 14) >>> 0) / 2 ** 32;
  };
  return () => {
    if (kept !== null) {
      const second = kept;
      kept = null;
      return second;
    }
    const size = Math.sqrt(-2 * Math.log(1 - uniform())), turn = 2 * Math.PI * uniform();
    kept = size * Math.sin(turn);
    return size * Math.cos(turn);
  };
}

// Which of `count` equal parts of (-1, 1) an action is in.
const partOf = (a, count) => Math.min(count - 1, Math.max(0, Math.floor((a + 1) / 2 * count)));

// How far what is above is from C++'s numbers: the largest difference, relative where they are above 1, of how many; and by how
// much areas are off.
function agreement({grid, peaks}) {
  let numbers = 0, worst = 0, area = 0;
  const compare = (ours, theirs) => {
    ++numbers;
    worst = Math.max(worst, Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)));  // NaN once is NaN for good
  };
  for (const at of grid) {
    at.u.forEach((u, i) => {
      compare(logNormal(u, at.mean, at.log_std), at.log_normal[i]);
      compare(logPi(u, at.mean, at.log_std), at.log_pi[i]);
    });
    compare(squashedEntropy(at.mean, Math.exp(at.log_std)), at.entropy);
    compare(normalEntropy(Math.exp(at.log_std)), at.normal_entropy);
    const {bare, pi} = areas(at.mean, at.log_std);
    area = Math.max(area, Math.abs(pi - 1), Math.abs(bare - at.mean_slope));
  }
  for (const peak of peaks) compare(squashedEntropy(peak.mean, mostRandomStd(peak.mean)), peak.entropy);
  return {numbers, worst, area};
}
