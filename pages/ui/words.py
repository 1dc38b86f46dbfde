"""The words of the app: the glossary that tooltips quote, and numbers made readable."""

from __future__ import annotations

import time

import streamlit as st

GLOSSARY = {
    "Calibration": (
        "Reading some text of a domain with the unchanged model and adding up, for every input "
        "channel of every weight matrix, the squares of its activations. Nothing is trained."
    ),
    "Domain": "A kind of text: Python programs, mathematics, translation, or your own files.",
    "Mask": "For every weight, whether it is kept or pruned (set to zero).",
    "Kept and pruned": (
        "At 50% sparsity, the half of a matrix's weights with the higher scores is kept and the "
        "other half is pruned. The two sets of one mask complement each other."
    ),
    "Sparsity": "The share of weights that are pruned. 50% means that every second weight is zero.",
    "Wanda score": (
        "A weight's size times the norm of the input channel it reads (Sun et al., 2023). A small "
        "weight on a loud channel can matter more than a large one on a quiet channel."
    ),
    "RIA score": (
        "Relative importance and activations (Zhang et al., 2024): a weight's share of its row and of "
        "its column, times the square root of the input channel's norm."
    ),
    "Contrastive score": (
        "An experiment of this program: Wanda's score, raised on channels that this domain uses more "
        "than the run's other domains do, and lowered on the others."
    ),
    "OWL": (
        "All alike: every layer loses the same share of its weights. By outliers: a layer in which more "
        "scores stand far out keeps more, around the same mean (Yin et al., 2023)."
    ),
    "Expert": (
        "In a mixture-of-experts model a layer's feed-forward part exists many times over. A small "
        "router, which is never pruned, chooses for each token which few of them work on it. Each "
        "expert is scored by the tokens that were sent to it."
    ),
    "Starved expert": (
        "An expert that saw fewer than 32 tokens of a domain's text, too few to say what the domain "
        "needs of it. It is pruned by the magnitude of its weights alone, or left as it is."
    ),
    "Magnitude score": "A weight's size alone. It ignores the domain: every domain gets one mask.",
    "Random score": "Chance. A baseline that a real score has to beat.",
    "Comparison group": (
        "Which weights compete for being kept: those of one output row (Wanda's default) or those "
        "of the whole matrix."
    ),
    "Pattern": (
        "Unstructured prunes any weight. An n:m pattern keeps exactly n of every m neighbouring "
        "inputs; 2:4 is what recent GPUs compute faster."
    ),
    "Jaccard overlap": (
        "Of all weights that at least one of two domains keeps, the share that both keep. "
        "1 = the same weights, 0 = not one in common."
    ),
    "Whole parts": (
        "Single weights, or whole channels of the feed-forward parts, attention heads or decoder "
        "layers, ranked by the energy that they contribute to a layer's output on a domain's text."
    ),
    "Chance level": (
        "The overlap that two masks of the same density would have if they had nothing to do with "
        "each other. At 50% sparsity it is 1/3, not 0: read every overlap against it."
    ),
    "Projection": "One weight matrix of a decoder layer, such as q_proj (attention) or up_proj (MLP).",
    "Input channel": "One column of a weight matrix: all weights that read the same activation.",
    "Group of documents": (
        "Documents are dealt at random to groups whose sums are kept apart, so that one can see "
        "later how much a result depends on which documents were read."
    ),
    "Two draws of one domain": (
        "Masks from two disjoint halves of one domain's documents. They are as alike as this "
        "amount of text allows: the ceiling for any two domains."
    ),
    "Distinctness index": (
        "Where the overlap of two domains lies between that of two draws of one domain (0) and "
        "that of independent masks (1). The bar is a 95% interval, from drawing the groups of "
        "documents again."
    ),
    "p-value": (
        "How often shuffling the domains' labels among the groups of documents gives an overlap as "
        "small as the real one. Small: the domains differ by more than which documents were read."
    ),
    "Family tree": (
        "The two domains whose masks are most alike are joined first, then the next two, and so on; "
        "where two branches join is the mean distance of their domains. The cophenetic correlation "
        "says how well these heights agree with the distances: 1 is perfect."
    ),
    "Map of domains": (
        "Points that are near have masks that are alike. Two dimensions cannot show all distances "
        "of many domains; the share that they show is said with the map."
    ),
    "Region": (
        "All weights that exactly the same domains keep. Every weight is in one region only, so "
        "the regions add up to the whole."
    ),
    "Core": "The weights that every domain keeps.",
    "Exclusive weights": "The weights that one domain keeps and no other.",
    "Sharp region": (
        "The weights that one domain ranks among its highest scores and no other domain among its "
        "own (after Wei et al., 2024): what is most particular to it."
    ),
    "Loudness of a channel": (
        "The root of the mean squared activation per token. Wanda's score takes the text into "
        "account through it alone, so domains' masks differ where channels differ in loudness."
    ),
    "Held-out text": (
        "Text for measuring only. Every document is compared with all that the run was calibrated "
        "on; built-in domains keep a split apart by meaning."
    ),
    "Bits per byte": (
        "How many bits the model needs for a byte of text: the better it predicts, the fewer. "
        "Unlike perplexity it can be compared between languages and between models."
    ),
    "Perplexity": (
        "Two to the bits per token: among how many equally likely tokens the model hesitates, on "
        "average."
    ),
    "pass@1": (
        "The share of programming tasks whose first program compiles and passes all its tests, "
        "run for real in a sandbox."
    ),
    "Ablation": (
        "Setting some weights of the unchanged model to zero, to see what is lost without them. What "
        "changes is their effect, where an overlap only says which weights two masks share."
    ),
    "One-shot and sequential": (
        "One-shot scores every layer with the unchanged model's activations: instant. Sequential "
        "is Wanda's own algorithm: each layer is calibrated on what the already pruned layers "
        "before it pass on. It is more faithful and reads the text again."
    ),
    "Repair": (
        "Zeros change what a layer answers. A refit keeps the mask and fits the kept weights again, so "
        "that each layer answers as the dense model's does; ALPS finds mask and values together, which "
        "is better and takes longer; SparseGPT is the known baseline. Each reads the text again."
    ),
}


def explain(*terms: str) -> str:
    """A tooltip that explains these terms."""
    return "\n\n".join(f"**{term}.** {GLOSSARY[term]}" for term in terms)


def glossary(*terms: str) -> None:
    """A small button that opens the explanations of these terms."""
    with st.popover("What do these words mean?", type="tertiary", icon=":material/menu_book:"):
        for term in terms:
            st.markdown(f"**{term}** \n{GLOSSARY[term]}")


def count(number: float) -> str:
    """12345678 -> "12.3 M"."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}"


def size(number: float) -> str:
    """Bytes in decimal units: 12345678 -> "12.3 MB"."""
    for unit_size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(number) >= unit_size:
            return f"{number / unit_size:.3g} {unit}"
    return f"{number:.0f} bytes"


def duration(seconds: float) -> str:
    """Seconds in words: 75 -> "1 min 15 s"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def ago(moment: float) -> str:
    """A time in seconds since 1970, as the time that has passed."""
    passed = time.time() - moment
    if passed < 60:
        return "just now"
    for unit_seconds, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= unit_seconds:
            number = int(passed // unit_seconds)
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"


def listing(names: list[str], most: int = 4) -> str:
    """["a", "b", "c"] -> "a, b and c"; long lists end in "and N more"."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
