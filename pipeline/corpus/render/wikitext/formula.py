r"""Convert the TeX of a formula to plain text that reads as part of a sentence. Pure functions.

Half of the formulas in prose are one or two letters ("where <math>\alpha_1 > 0</math> is"), and without them the
sentence has a gap. A formula that fits on one line of text is converted, e.g. to x² + α₁ ≤ n/2. Everything else
(arrays, integrals, unknown commands) gives None, and the caller leaves a hole: TeX never reaches the text.
"""

from __future__ import annotations

import re

MAX_TEX_LENGTH = 120
"""Maximum length in characters; a longer formula is usually displayed on its own and not part of a sentence."""
MAX_DEPTH = 8
TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|[{}^_]|.", re.DOTALL)
TEX_SYMBOLS = dict(
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
TEX_SYMBOLS |= dict.fromkeys(
    "left right big Big bigl bigr displaystyle textstyle scriptstyle rm it bf limits".split(), ""
)
TEX_SYMBOLS |= dict.fromkeys("quad qquad space".split(), " ") | {"colon": ":"}
FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp min max det dim ker gcd arg deg".split()
)
ESCAPES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "{": "{", "}": "}", "%": "%", "$": "$", "&": "&", "#": "#",
          "_": "_", "|": "‖", "/": ""}  # fmt: skip
"""The text of a backslash followed by one character."""
FONT_COMMANDS = frozenset(
    "mathrm mathit mathbf mathsf mathtt mathcal mathfrak mathscr boldsymbol operatorname mathop mathbin mathrel".split()
)
TEXT_COMMANDS = frozenset("text textrm textit textbf mbox hbox".split())
"""Commands in whose argument a space is printed."""
BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
ACCENTS = {"bar": "\u0304", "overline": "\u0305", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303",
           "widetilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7"}  # fmt: skip
SUPERSCRIPTS = dict(zip("0123456789+-−=()ni′*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ′*", strict=True))
SUBSCRIPTS = dict(zip("0123456789+-−=()aeoxhklmnpstijruv", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", strict=True))
EXPONENT = re.compile(r"[-−–+]?\d{1,3}")
"""A number that can be written in superscript characters."""
RELATION = re.compile(r" *([=≠≤≥<>≈≡∼≃≅∝≪≫→←↔⇒⇐⇔⇌⇋⟷⟵⟶⟹⟺≲≳≍↦∈∉⊂⊆⊃⊇]) *")
TEX_SPACES = re.compile(r"\s+(?=[,;)\s]|$)|(?<=\()\s+")
"""White space in TeX that the text does not need."""


def to_superscript(number: str) -> str:
    """Return the number in superscript characters."""
    return "".join(SUPERSCRIPTS.get(character, character) for character in number.replace("–", "−"))


class UnsupportedFormula(Exception):
    """A formula that cannot be written on one line of text."""


def tex_to_text(tex: str) -> str | None:
    """Return the formula as text, or None if it cannot be written as part of a sentence."""
    if not tex.strip() or len(tex) > MAX_TEX_LENGTH:
        return None
    try:
        text = FormulaReader(TOKEN.findall(tex)).read()
    except UnsupportedFormula:
        return None
    text = TEX_SPACES.sub("", RELATION.sub(r" \1 ", text)).strip()
    return text or None


class FormulaReader:
    """A recursive-descent reader of a formula's tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0
        self.space = ""
        """The text of a white-space token: empty, except inside TEXT_COMMANDS."""

    def read(self) -> str:
        """Return the text of all tokens; raise UnsupportedFormula if that is not possible."""
        text = self.read_group(0, closed=False)
        if self.position < len(self.tokens):
            raise UnsupportedFormula
        return text

    def read_group(self, depth: int, *, closed: bool) -> str:
        """Read up to the closing brace, or, if `closed` is false, to the end of the formula."""
        if depth > MAX_DEPTH:
            raise UnsupportedFormula
        parts: list[str] = []
        while self.position < len(self.tokens):
            token = self.tokens[self.position]
            if token == "}":
                if not closed:
                    raise UnsupportedFormula
                self.position += 1
                return "".join(parts)
            if token in "^_":
                self.position += 1
                parts.append(format_script(self.read_argument(depth), token))
            else:
                parts.append(self.read_item(depth))
        if closed:
            raise UnsupportedFormula
        return "".join(parts)

    def read_argument(self, depth: int) -> str:
        """Read the argument of a command or of ^ and _: a group or one item."""
        while self.position < len(self.tokens) and self.tokens[self.position].isspace():
            self.position += 1
        return self.read_item(depth)

    def read_item(self, depth: int) -> str:
        """Read a letter, a symbol, a group or a command with its arguments."""
        if self.position >= len(self.tokens):
            raise UnsupportedFormula
        token = self.tokens[self.position]
        self.position += 1
        if token == "{":
            return self.read_group(depth + 1, closed=True)
        if token[0] != "\\":
            return (
                self.space
                if token.isspace()
                else "−"
                if token == "-"
                else " "
                if token == "~"
                else literal_character(token)
            )
        return self.read_command(token[1:], depth)

    def read_command(self, name: str, depth: int) -> str:
        """Return the text of a command with its arguments; raise UnsupportedFormula for an unknown one."""
        if name in TEX_SYMBOLS:
            return TEX_SYMBOLS[name]
        if name in ESCAPES:
            return ESCAPES[name]
        if name in FUNCTIONS:
            following = self.tokens[self.position] if self.position < len(self.tokens) else "("
            return name if following in "({[^_|" else f"{name} "
        if name in FONT_COMMANDS:
            return self.read_argument(depth)
        if name in TEXT_COMMANDS:
            self.space, outside = " ", self.space
            words = self.read_argument(depth)
            self.space = outside
            return words
        if name == "mathbb":
            letter = self.read_argument(depth)
            return BLACKBOARD.get(letter, letter)
        if name in ACCENTS:
            letter = self.read_argument(depth)
            if len(letter) == 1:
                return letter + ACCENTS[name]
        if name in ("frac", "tfrac", "dfrac"):
            return f"{parenthesize(self.read_argument(depth))}/{parenthesize(self.read_argument(depth))}"
        if name == "sqrt":
            return f"√{parenthesize(self.read_argument(depth))}"
        raise UnsupportedFormula


def literal_character(token: str) -> str:
    """Return the character itself; raise UnsupportedFormula for one that only arrays or broken TeX contain."""
    if token in "&\\}^_":
        raise UnsupportedFormula
    return token


def parenthesize(text: str) -> str:
    """Add parentheses unless the text is a single word, a letter with a script, or already in parentheses."""
    return text if re.fullmatch(r"\w*|\w[²³₀-₉]|\([^()]*\)", text) else f"({text})"


def format_script(text: str, kind: str) -> str:
    """Return a superscript or subscript in Unicode's characters if they exist, else as ^(...) or _(...)."""
    if text in ("∘", "°") and kind == "^":
        return "°"
    letters = SUPERSCRIPTS if kind == "^" else SUBSCRIPTS
    if text in letters or (text and all(letter in letters and not letter.isalpha() for letter in text)):
        return "".join(letters[letter] for letter in text)
    return kind + parenthesize(text)
