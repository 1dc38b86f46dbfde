"""The methods section: what every number of the report means, with its formula."""

from __future__ import annotations

from analysis.report.html import Section, heading, listing, paragraph
from analysis.report.mathml import formula, fraction, part, root, row, squared, sub, total
from analysis.report.source import Source
from pruning.masks.allocation import OUTLIER, SPREAD
from pruning.runs.statistics import ENOUGH_TOKENS
from pruning.specs import PruneSpec

REFERENCES = (
    "M. Sun, Z. Liu, A. Bair, J. Z. Kolter. A Simple and Effective Pruning Approach for Large "
    "Language Models. ICLR 2024. arXiv:2306.11695",
    "L. Puccioni et al. Deriving Coding-Specific Sub-Models from LLMs using Resource-Efficient "
    "Pruning. LLM4Code 2025. arXiv:2501.05248",
    "B. Phipson, G. K. Smyth. Permutation P-values Should Never Be Zero. Statistical "
    "Applications in Genetics and Molecular Biology, 2010",
    "Y. Benjamini, Y. Hochberg. Controlling the False Discovery Rate. Journal of the Royal "
    "Statistical Society B, 1995",
    "N. Mantel. The Detection of Disease Clustering and a Generalized Regression Approach. Cancer "
    "Research, 1967",
    "W. S. Torgerson. Multidimensional Scaling. Psychometrika, 1952",
    "Z. Bar-Joseph, D. K. Gifford, T. S. Jaakkola. Fast Optimal Leaf Ordering for Hierarchical "
    "Clustering. Bioinformatics, 2001",
    "B. Wei et al. Assessing the Brittleness of Safety Alignment via Pruning and Low-Rank "
    "Modifications. ICML 2024. arXiv:2402.05162",
    "W. G. Cochran. Sampling Techniques, third edition, equation 2.8. Wiley, 1977",
    "L. Yin et al. Outlier Weighed Layerwise Sparsity (OWL): A Missing Secret Sauce for Pruning LLMs "
    "to High Sparsity. ICML 2024. arXiv:2310.05175",
)


def methods(source: Source) -> Section:
    """Calibration, masks, overlap; what was tested, removed and measured, if it was."""
    parts = [*_masks(source), *_overlap()]
    if source.tested is not None:
        parts += _yardsticks(source)
    parts += _structure()
    if source.run.has_experts:
        parts += _experts()
    if source.causes:
        parts += _causes()
    if source.evaluations:
        parts += _evaluations()
    cited = [reference for reference in REFERENCES if _is_due(reference, source)]
    return Section(name="Methods", parts=[*parts, heading("References"), listing(cited)])


def _is_due(reference: str, source: Source) -> bool:
    """Whether the report uses what a reference describes."""
    if reference.startswith("N. Mantel"):
        return bool(source.causes)
    if reference.startswith("L. Yin"):
        return source.prune.allocation == "owl"
    of_tests = reference.startswith(("B. Phipson", "W. G. Cochran"))
    return source.tested is not None or not of_tests


def _masks(source: Source) -> list[str]:
    sample, prune = source.run.spec.sample, source.prune
    loud = row("<mo>‖</mo>", sub("X", "j"), "<mo>‖</mo>")
    norm = formula(loud, "=", root(total("t"), squared(row(sub("x", ["t", "j"])))))
    score = formula(sub("S", ["i", "j"]), "=", "|", sub("W", ["i", "j"]), "|", "·", loud)
    return [
        heading("Calibration and masks"),
        paragraph(
            f"For every domain, {sample.num_samples} sequences of {sample.seq_len} tokens from "
            f"whole documents were read once by the unchanged model, dealt to {sample.groups} "
            "groups that share no document. For every input channel j of every weight matrix and "
            "every group, the sum of squared activations was kept; sums add up, so masks for any "
            "set of groups need no further pass. Separators and padding are not counted."
        ),
        norm,
        paragraph(
            f"A weight's score ({prune.score}; Sun et al. 2024, equation 1 for wanda) competes "
            f"{_competition(prune)}"
        ),
        score if prune.score == "wanda" else "",
    ]


def _competition(prune: PruneSpec) -> str:
    """Among which weights a score competes, how many of them are pruned, and of equal ones which."""
    ties = "equal scores are pruned at the lower input index first."
    if prune.block is not None:
        keep, block = prune.block
        return (
            f"within each block of {block} consecutive inputs of a row; the highest are kept, {keep} "
            f"of {block} (sparsity {prune.sparsity:g}), and {ties}"
        )
    owl = prune.allocation == "owl"
    share = "its layer's sparsity s" if owl else f"sparsity s = {prune.sparsity:g}"
    found = (
        f"within each {prune.comparison_group}; of n weights the ⌊n·s⌋ lowest are pruned at "
        f"{share}; {ties}"
    )
    return f"{found} {_allocation(prune)}" if owl else found


def _allocation(prune: PruneSpec) -> str:
    """How OWL chooses every layer's sparsity."""
    return (
        "OWL (Yin et al. 2024) gives every layer its own s: the layers' shares of outliers, weights "
        f"whose Wanda score is above {OUTLIER:g} times the layer's mean, are stretched to a span of "
        f"{2 * SPREAD:g} and taken off the sparsity around their mean, so that the mean of s over "
        f"layers is {prune.sparsity:g}."
    )


def _overlap() -> list[str]:
    return [
        heading("Overlap and chance"),
        paragraph(
            "The Jaccard overlap of the kept sets A and B. Counts are added over weight matrices "
            "first and divided last. Independent masks that keep a and b of a matrix's n weights "
            "share ab/n on average, which gives the chance level."
        ),
        formula(
            "J", "=", fraction(row("|", "A", "∩", "B", "|"), row("|", "A", "∪", "B", "|")),
            "<mspace width='2em'/>",
            sub("J", ["chance"]), "=",
            fraction(
                row("∑", "a", "b", "/", "n"),
                row("∑", "(", "a", "+", "b", "−", "a", "b", "/", "n", ")"),
            ),
        ),
    ]  # fmt: skip


def _yardsticks(source: Source) -> list[str]:
    spec = source.spec
    rows = "all rows" if spec.rows == 0 else f"{spec.rows} rows, drawn at random,"
    return [
        heading("Yardsticks"),
        paragraph(
            f"The groups of each domain were dealt at random into two disjoint halves, "
            f"{spec.splits} times. The ceiling is the mean overlap of two halves of one domain, "
            "the cross overlap that of a half of each domain: masks from equal amounts of text. "
            "The distinctness index is 0 for two draws of one domain and 1 for independent masks; it "
            "rises with the text, so its value for unlimited text stands beside it, from the variances "
            "of domains and of documents, which add up."
        ),
        formula("D", "=", fraction(row("ceiling", "−", "cross"), row("ceiling", "−", sub("J", ["chance"])))),
        paragraph(
            f"Its 95% interval is D ± 1.96 standard errors, from {spec.bootstraps} bootstrap draws "
            "of groups of documents (never of weights, which rise and fall together), and from "
            "the sample of rows. The p-value is that of a one-sided permutation test: the groups' "
            f"labels were shuffled N = {spec.permutations} times."
        ),
        formula(
            "p", "=",
            fraction(
                row("1", "+", "#", "{", sub("J", ["shuffled"]), "≤", "J", "}"), row("1", "+", "N")
            ),
        ),
        paragraph(
            "Adjusted p-values follow Benjamini and Hochberg, over the pairs for the whole model, "
            "and over layers and over projections within a pair."
        ),
        paragraph(
            f"The masks of all resampled sums were made on {rows} of each matrix. Rows do not "
            "compete, so this is without bias; with n of N rows and the variance s² over rows, a "
            "matrix's count is known up to the variance below. Matrices are strata, so variances "
            "add up, and the delta method carries them to the overlaps and the index."
        ),
        formula(squared("N"), "(", "1", "−", fraction("n", "N"), ")", fraction(squared("s"), part("n"))),
        paragraph(
            "Of two masks that keep equally many weights, the share of one's that the other "
            "prunes is (1 − J) / (1 + J): the changed share of the learning curves."
        ),
    ]  # fmt: skip


def _structure() -> list[str]:
    d_squared = row(squared(sub("d", ["a", "b"])))
    return [
        heading("Tree, map, regions, channels"),
        paragraph(
            "The distance of two domains is 1 − J. The tree is average linkage with the leaf order "
            "that puts neighbours close; its cophenetic correlation is that of the distances with "
            "the heights at which the tree joins their domains. The map is classical scaling: the "
            "first two eigenvectors of B, each times the root of its eigenvalue λ, where C = I − 1/D "
            "centres the squared distances of D domains."
        ),
        formula("B", "=", "−", fraction("1", "2"), "C", "[", d_squared, "]", "C"),
        paragraph(
            "The map's share of the squared distances is (λ₁ + λ₂) over the sum of all |λ|. A region "
            "is the weights that exactly the same domains keep; all 2ᴰ regions are counted, and "
            "independent masks of the same densities give each region's expected size. A domain's "
            "sharp region is the top p of its scores minus the top q of every other domain's, with "
            "scores compared as for masks (Wei et al. 2024)."
        ),
        paragraph(
            "The loudness of an input channel is the root of its mean squared activation per token. "
            "The interval of a ratio of two loudnesses is the ratio times or over exp(1.96 s), s being "
            "the standard error of its logarithm over groups of documents (delta method)."
        ),
    ]


def _experts() -> list[str]:
    def share(domain: str) -> str:
        return sub("p", [domain, "e"])

    return [
        heading("Experts"),
        paragraph(
            "Every expert's matrices are weights of their own, and their sums are over the tokens that "
            "the router sends to it; the router is never pruned. An expert that saw fewer than "
            f"{ENOUGH_TOKENS} tokens of a text is starved: it is pruned by magnitude alone, or left "
            "dense where that was chosen, and its channels are not compared with those of another "
            "text. With p the share of all that a layer's router sends for a domain that goes to expert "
            "e, the distance of two domains' routing is their total variation:"
        ),
        formula(fraction("1", "2"), total("e"), "|", share("a"), "−", share("b"), "|"),
    ]


def _causes() -> list[str]:
    return [
        heading("Removing a domain's own weights"),
        paragraph(
            "A region's weights were set to zero in the dense model, which was not pruned otherwise. "
            "The exclusive region of a domain is what its mask keeps and no other's does; the sharp "
            "region is what scores at the domain's top and not at any other's. Damage is bits per "
            "byte on held-out text minus those of the dense model; intervals come from a bootstrap "
            "over documents, the same ones for every removal."
        ),
        paragraph(
            "A region is called its domain's own if, with p below 0.05 each, it hurts the domain "
            "more than as many other weights of the same matrices and magnitudes (weights), more "
            "beyond such weights than it hurts any other domain (domains), and more than equally "
            "many weights of the other regions, on average (regions). The draws' scatter counts as "
            "noise beside the documents', and each p is adjusted over the domains after Benjamini "
            "and Hochberg."
        ),
        paragraph(
            "Whether masks further apart cost more to swap is told by Spearman's rank correlation "
            "over ordered pairs of domains. Pairs that share a domain are not independent, so "
            "Mantel's test relabels whole domains."
        ),
    ]


def _evaluations() -> list[str]:
    return [
        heading("Measuring sub-models"),
        paragraph(
            "Each mask was put on the model without further training. Bits per byte are the model's "
            "negative log2 likelihood of a text over its length in bytes. The 95% intervals are "
            "over documents or tasks: Wilson's for shares, Newcombe's for differences of shares, a "
            "studentised bootstrap for bits per byte and perplexity, the jackknife's standard error "
            "with Student's t for chrF and BLEU."
        ),
    ]
