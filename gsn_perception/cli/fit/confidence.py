"""`gsn fit --what confidence`: fits the rule that decides which Gaussians are visible to ray-cast visibility."""

from __future__ import annotations

from dataclasses import asdict

from gsn_perception.cli.fit.options import Options


def fit_confidence(options: Options) -> int:
    """Print the rule and its metrics on the objects used for the fit; with --write, store it with the weights."""
    from tqdm import tqdm

    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.robustness.confidence import confidence_figures
    from gsn_perception.evaluation.robustness.confidence import fit_rule
    from gsn_perception.evaluation.robustness.confidence import judged_splats
    from gsn_perception.evaluation.views.cases import choose
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol
    from gsn_perception.io.checkpoints import annotate
    from gsn_perception.io.checkpoints import checkpoint_path
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.pipeline import ReconstructorSettings
    from gsn_perception.scenes.loader import load_meshes

    check_writable(options.json)
    base = Reconstructor.from_pretrained(options.checkpoint, settings=ReconstructorSettings(allow_cut=True))
    objects = choose(load_meshes(options.objects)[0], options.budget, options.seed)
    protocol = Protocol(seed=options.seed)
    cases = [surface_case(item, protocol) for item in tqdm(objects, desc="surfaces", ncols=100)]
    colour, depth = (
        judged_splats(tqdm(cases, desc=name, ncols=100), base.sculpt, blind=blind)
        for name, blind in (("colour", True), ("with depth", False))
    )
    rule = fit_rule([*colour, *depth])
    figures = {
        name: {which: confidence_figures(splats, by) for which, by in (("before", base.seen_rule), ("after", rule))}
        for name, splats in (("colour", colour), ("with depth", depth))
    }
    print("  ".join(f"{k} {v:.4f}" for k, v in asdict(rule).items()))
    for name, both in figures.items():
        print(f"{name}: AUROC {both['before']['auroc']:.3f} before, {both['after']['auroc']:.3f} after")
    if options.json is not None:
        write_json(options.json, {"rule": asdict(rule), "figures": figures})
    if options.write:
        annotate(checkpoint_path(options.checkpoint), {"seen": asdict(rule)})
    return 0
