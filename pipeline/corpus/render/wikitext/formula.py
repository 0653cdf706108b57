r"""A formula's TeX -> the words of a sentence, or nothing. Pure.

Half of the formulas in prose are a letter or two ("where <math>\alpha_1 > 0</math> is"): without them the sentence has
a gap. What can be written in a line is written, x² + α₁ ≤ n/2, and everything else, arrays and integrals and whatever
is not known here, gives None: the caller leaves a hole, never a piece of TeX.
"""

from __future__ import annotations

import re

MAX_LENGTH = 120
"""Characters of TeX; what is longer is set apart, and no part of a sentence."""
MAX_DEPTH = 8
TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|[{}^_]|.", re.DOTALL)
SYMBOLS = dict(
    pair.split(":")
    for pair in (
        "alpha:α beta:β gamma:γ delta:δ epsilon:ε varepsilon:ε zeta:ζ eta:η theta:θ vartheta:ϑ iota:ι kappa:κ "
        "lambda:λ mu:μ nu:ν xi:ξ pi:π rho:ρ sigma:σ tau:τ upsilon:υ phi:φ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ "
        "Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω le:≤ leq:≤ ge:≥ geq:≥ ne:≠ neq:≠ "
        "approx:≈ equiv:≡ sim:∼ simeq:≃ cong:≅ propto:∝ ll:≪ gg:≫ times:× cdot:· div:÷ pm:± mp:∓ ast:∗ star:⋆ circ:∘ "
        "bullet:• oplus:⊕ otimes:⊗ in:∈ isin:∈ notin:∉ ni:∋ subset:⊂ subseteq:⊆ supset:⊃ supseteq:⊇ cup:∪ cap:∩ "
        "setminus:∖ emptyset:∅ varnothing:∅ to:→ rightarrow:→ leftarrow:← leftrightarrow:↔ Rightarrow:⇒ Leftarrow:⇐ "
        "Leftrightarrow:⇔ iff:⇔ implies:⇒ mapsto:↦ longrightarrow:⟶ uparrow:↑ downarrow:↓ forall:∀ exists:∃ neg:¬ "
        "lnot:¬ land:∧ wedge:∧ lor:∨ vee:∨ vdash:⊢ models:⊨ top:⊤ bot:⊥ perp:⊥ parallel:∥ mid:| vert:| Vert:‖ "
        "infty:∞ partial:∂ nabla:∇ hbar:ℏ ell:ℓ Re:ℜ Im:ℑ aleph:ℵ degree:° dagger:† prime:′ ldots:… dots:… cdots:⋯ "
        "dotsb:… dotsc:… angle:∠ triangle:△ square:□ langle:⟨ rangle:⟩ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ lbrace:{ "
        "rightleftharpoons:⇌ leftrightharpoons:⇋ longleftrightarrow:⟷ longleftarrow:⟵ Longrightarrow:⟹ "
        "Longleftrightarrow:⟺ hookrightarrow:↪ downarrow:↓ lesssim:≲ gtrsim:≳ asymp:≍ prec:≺ preceq:⪯ succ:≻ "
        "succeq:⪰ nmid:∤ subsetneq:⊊ supsetneq:⊋ triangleq:≜ doteq:≐ lt:< gt:> hslash:ℏ imath:ı jmath:ȷ wp:℘ "
        "rbrace:} R:ℝ N:ℕ Z:ℤ Q:ℚ C:ℂ reals:ℝ euro:€ pounds:£"
    ).split()
)
SYMBOLS |= dict.fromkeys("left right big Big bigl bigr displaystyle textstyle scriptstyle rm it bf limits".split(), "")
SYMBOLS |= dict.fromkeys("quad qquad space".split(), " ") | {"colon": ":"}
FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp min max det dim ker gcd arg deg".split()
)
SINGLE = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "{": "{", "}": "}", "%": "%", "$": "$", "&": "&", "#": "#",
          "_": "_", "|": "‖", "/": ""}  # fmt: skip
"""What a backslash and one character stand for."""
FONTS = frozenset(
    "mathrm mathit mathbf mathsf mathtt mathcal mathfrak mathscr boldsymbol operatorname mathop mathbin mathrel".split()
)
WORDS = frozenset("text textrm textit textbf mbox hbox".split())
"""Fonts in which a space is one."""
BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
ACCENTS = {"bar": "\u0304", "overline": "\u0305", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303",
           "widetilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7"}  # fmt: skip
RAISED = dict(zip("0123456789+-−=()ni′*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ′*", strict=True))
LOWERED = dict(zip("0123456789+-−=()aeoxhklmnpstijruv", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", strict=True))
EXPONENT = re.compile(r"[-−–+]?\d{1,3}")
"""A number that is read as one when it is written small."""
RELATION = re.compile(r" *([=≠≤≥<>≈≡∼≃≅∝≪≫→←↔⇒⇐⇔⇌⇋⟷⟵⟶⟹⟺≲≳≍↦∈∉⊂⊆⊃⊇]) *")
SPACES = re.compile(r"\s+(?=[,;)\s]|$)|(?<=\()\s+")
"""Those that only TeX needs."""


def raised(number: str) -> str:
    """The number in superscript letters."""
    return "".join(RAISED.get(character, character) for character in number.replace("–", "−"))


class Unwritable(Exception):
    """Not to be written in a line."""


def written(tex: str) -> str | None:
    """The formula as text; None where it cannot be read in a sentence."""
    if not tex.strip() or len(tex) > MAX_LENGTH:
        return None
    try:
        text = Reader(TOKEN.findall(tex)).all()
    except Unwritable:
        return None
    text = SPACES.sub("", RELATION.sub(r" \1 ", text)).strip()
    return text or None


class Reader:
    """Reads the tokens of a formula, once through."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.space = ""
        """What a space stands for."""

    def all(self) -> str:
        text = self.group(0, closed=False)
        if self.at < len(self.tokens):
            raise Unwritable
        return text

    def group(self, depth: int, *, closed: bool) -> str:
        """Everything up to the brace that closes the group, or to the end."""
        if depth > MAX_DEPTH:
            raise Unwritable
        parts: list[str] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token == "}":
                if not closed:
                    raise Unwritable
                self.at += 1
                return "".join(parts)
            if token in "^_":
                self.at += 1
                parts.append(script(self.argument(depth), token))
            else:
                parts.append(self.item(depth))
        if closed:
            raise Unwritable
        return "".join(parts)

    def argument(self, depth: int) -> str:
        """What a command or a script is applied to: a group or one item."""
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.item(depth)

    def item(self, depth: int) -> str:
        """A letter, a symbol, a group or a command with its arguments."""
        if self.at >= len(self.tokens):
            raise Unwritable
        token = self.tokens[self.at]
        self.at += 1
        if token == "{":
            return self.group(depth + 1, closed=True)
        if token[0] != "\\":
            return self.space if token.isspace() else "−" if token == "-" else " " if token == "~" else plain(token)
        return self.command(token[1:], depth)

    def command(self, name: str, depth: int) -> str:
        if name in SYMBOLS:
            return SYMBOLS[name]
        if name in SINGLE:
            return SINGLE[name]
        if name in FUNCTIONS:
            following = self.tokens[self.at] if self.at < len(self.tokens) else "("
            return name if following in "({[^_|" else f"{name} "
        if name in FONTS:
            return self.argument(depth)
        if name in WORDS:
            self.space, outside = " ", self.space
            words = self.argument(depth)
            self.space = outside
            return words
        if name == "mathbb":
            letter = self.argument(depth)
            return BLACKBOARD.get(letter, letter)
        if name in ACCENTS:
            letter = self.argument(depth)
            if len(letter) == 1:
                return letter + ACCENTS[name]
        if name in ("frac", "tfrac", "dfrac"):
            return f"{bracketed(self.argument(depth))}/{bracketed(self.argument(depth))}"
        if name == "sqrt":
            return f"√{bracketed(self.argument(depth))}"
        raise Unwritable


def plain(token: str) -> str:
    """A character as it is; one that only arrays have gives the formula up."""
    if token in "&\\}^_":
        raise Unwritable
    return token


def bracketed(text: str) -> str:
    """In brackets, if it is more than a number or a letter or two, and not in brackets yet."""
    return text if re.fullmatch(r"\w*|\w[²³₀-₉]|\([^()]*\)", text) else f"({text})"


def script(text: str, kind: str) -> str:
    """A superscript or subscript: in letters of their own where there are any."""
    if text in ("∘", "°") and kind == "^":
        return "°"
    letters = RAISED if kind == "^" else LOWERED
    if text in letters or (text and all(letter in letters and not letter.isalpha() for letter in text)):
        return "".join(letters[letter] for letter in text)
    return kind + bracketed(text)
