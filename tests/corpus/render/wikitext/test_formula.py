"""TeX to text, with literal answers; a formula that does not fit on one line gives None."""

import pytest

from pipeline.corpus.render.wikitext.formula import tex_to_text


@pytest.mark.parametrize(
    ("tex", "text"),
    [("x", "x"), ("E=mc^2", "E = mc²"), (r"\alpha_1 > 0", "α₁ > 0"), (r"\frac{a+b}{2}", "(a+b)/2"),
     (r"\frac{(a+b)}{2}", "(a+b)/2"), (r"\sqrt{2}", "√2"),
     (r"n \to \infty", "n → ∞"), (r"\mathbb{R}^n", "ℝⁿ"), (r"90^\circ", "90°"), (r"x_{max}", "x_max"),
     ("a^{b+c}", "a^(b+c)"), (r"\{1,2\}", "{1,2}"), (r"f(x) = \sin x", "f(x) = sin x"), (r"\text{if } x", "if x"),
     ("a-b", "a−b"), (r"\vec{v}", "v\u20d7"), ("H_2O", "H₂O"),
     (r"( V \,,\ \Sigma \, )", "(V, Σ)"), (r"\left( a \right)", "(a)")],
)  # fmt: skip
def test_formula_as_text(tex: str, text: str) -> None:
    assert tex_to_text(tex) == text


@pytest.mark.parametrize(
    "tex",
    ["", " ", "{", "}", "a}b", "^", "x^", r"\frac{a}", "\\", r"\int_0^1 x\,dx", r"\begin{matrix}a\end{matrix}", "a & b",
     r"\unknown x", "{" * 20 + "a" + "}" * 20, "a" * 200],
)  # fmt: skip
def test_unsupported_formula(tex: str) -> None:
    assert tex_to_text(tex) is None
