#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The statistics of comparisons against a second implementation: scipy's (Debian: python3-scipy), where it is installed.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# Runs Python with what the tests need: ask(question, level, *samples) returns our numbers, near() compares.
with_scipy() {
        local python
        [ -x "$TEST_BIN/cli/statistics_ask" ] || fail "$TEST_BIN/cli/statistics_ask is not built"
        for python in python3 /usr/bin/python3 ""; do
                [ -n "$python" ] || skip "there is no python3 with scipy (Debian: python3-scipy)"
                "$python" -c 'import scipy.stats' 2>/dev/null && break
        done
        {
                cat <<'PYTHON'
import os, subprocess
import numpy as np
from scipy import stats
random = np.random.default_rng(1)

def ask(question, level, *samples):
    line = f"{question} {level!r} " + " / ".join(" ".join(repr(float(x)) for x in s) for s in samples) + "\n"
    program = os.environ["TEST_BIN"] + "/cli/statistics_ask"
    answer = subprocess.run([program], input=line, capture_output=True, text=True, check=True).stdout
    return np.array([float(x) for x in answer.split()])

def near(ours, theirs, what, tolerance=1e-7):
    assert np.allclose(ours, theirs, rtol=tolerance, atol=1e-12), f"{what}: {ours}, scipy: {theirs}"
PYTHON
                cat
        } >ask.py
        "$python" ask.py >out 2>err || fail "$(tail -n 1 err)"
}

test_students_t_is_scipys() {
        with_scipy <<'PYTHON'
for level in (0.5, 0.9, 0.95, 0.99, 0.995, 0.9999):
    for df in (1, 1.5, 2, 4, 7.3, 9, 30, 998):
        near(ask("student", level, [df]), stats.t.ppf((1 + level) / 2, df), f"t of {level}, {df}")
PYTHON
}

test_ratios_and_their_intervals_are_scipys() {
        with_scipy <<'PYTHON'
for n, m in ((2, 2), (3, 5), (5, 5), (10, 4), (50, 60)):
    for level in (0.95, 0.995):
        a, b = random.lognormal(1, 0.2, n), random.lognormal(1.1, 0.1, m)
        k = min(n, m)
        logs = np.log(a[:k] / b[:k])
        low, high = stats.t.interval(level, k - 1, loc=logs.mean(), scale=stats.sem(logs))
        median = np.median(a[:k] / b[:k])
        near(ask("paired", level, a[:k], b[:k]), (median, min(median, np.exp(low)), max(median, np.exp(high))),
             f"paired {k}")
        v, w = np.log(a).var(ddof=1) / n, np.log(b).var(ddof=1) / m
        df = (v + w) ** 2 / (v ** 2 / (n - 1) + w ** 2 / (m - 1))
        center = np.log(a).mean() - np.log(b).mean()
        half = stats.t.ppf((1 + level) / 2, df) * np.sqrt(v + w)
        ours = ask("unpaired", level, a, b)
        median = np.median(a) / np.median(b)
        near(ours, (median, min(median, np.exp(center - half)), max(median, np.exp(center + half))), f"unpaired {n}, {m}")
        # The interval excludes 1 exactly where scipy's Welch test rejects.
        p = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).pvalue
        assert (p < 1 - level) == (np.exp(center - half) > 1 or np.exp(center + half) < 1)
PYTHON
}

test_the_interval_of_a_median_is_that_of_the_binomial_distribution() {
        with_scipy <<'PYTHON'
for n in (2, 3, 5, 7, 10, 11, 30, 200):
    a = np.sort(random.normal(100, 10, n))
    near(ask("median", 0, a), np.median(a), f"median of {n}")
    cut = 0
    while cut + 1 < n / 2 and 2 * stats.binom.cdf(cut + 1, n, 0.5) <= 0.05:
        cut += 1
    near(ask("interval", 0.95, a), (a[cut], a[n - 1 - cut]), f"interval of {n}")
PYTHON
}

test_a_server_compared_with_itself_does_not_differ() {
        local tables claims
        read -r tables claims < <(jq -r '.trials | group_by(.server + .scenario)[] | ((.[].result | [.requests.per_second,
                .server.cpu_per_request, .machine.cpu_per_request, .latency.p50, .latency.p99, .server.max_rss] |
                map(tostring) | join(" ")), "")' "$here/../../docs/full/comparison.json" |
                "$TEST_BIN/cli/statistics_tables" resample 200 5)
        [ "$tables" -ge 9000 ] || fail "only $tables tables"
        [ $((claims * 20)) -le "$tables" ] || fail "$claims of $tables comparisons of a server with itself show a difference"
}

test_mann_and_whitneys_p_is_scipys_without_ties() {
        with_scipy <<'PYTHON'
for n, m in ((1, 1), (2, 3), (5, 5), (3, 10), (15, 15), (29, 1)):
    a, b = random.normal(0, 1, n), random.normal(0.8, 1, m)
    near(ask("mann-whitney", 0, a, b), stats.mannwhitneyu(a, b, method="exact").pvalue, f"exact {n}, {m}")
for n, m in ((16, 15), (40, 25), (200, 100)):
    a, b = random.normal(0, 1, n), random.normal(0.4, 1, m)
    near(ask("mann-whitney", 0, a, b), stats.mannwhitneyu(a, b, method="asymptotic").pvalue, f"normal {n}, {m}")
PYTHON
}

test_mann_and_whitneys_p_is_scipys_with_ties() {
        with_scipy <<'PYTHON'
def ranks_sum(a, b, axis):
    return stats.rankdata(np.concatenate([a, b], axis=axis), axis=axis)[..., : a.shape[axis]].sum(axis=axis)

for n, m in ((3, 3), (5, 5), (4, 6), (2, 8)):
    for _ in range(5):
        a, b = random.integers(0, 5, n).astype(float), random.integers(1, 6, m).astype(float)
        theirs = stats.permutation_test((a, b), ranks_sum, vectorized=True, n_resamples=np.inf).pvalue
        near(ask("mann-whitney", 0, a, b), theirs, f"{a} {b}")
for n, m in ((20, 20), (100, 60)):
    a, b = random.integers(0, 5, n), random.integers(1, 6, m)
    near(ask("mann-whitney", 0, a, b), stats.mannwhitneyu(a, b, method="asymptotic").pvalue, f"normal {n}, {m}")
PYTHON
}

test_holms_correction_is_its_definition() {
        with_scipy <<'PYTHON'
for count in (1, 2, 5, 30):
    p = np.round(random.uniform(0, 0.2, count), 2)  # some are equal
    theirs = np.empty(count)
    least = 0
    for i, at in enumerate(np.argsort(p)):
        least = max(least, min(1, (count - i) * p[at]))
        theirs[at] = least
    near(ask("holm", 0, p), theirs, f"{p}")
PYTHON
}

run_tests "$@"
