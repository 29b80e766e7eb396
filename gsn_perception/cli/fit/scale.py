"""`gsn fit --what scale`: makes the scale network's standard deviations honest on views of known objects on a plane."""

from __future__ import annotations

from gsn_perception.cli.fit.options import Options


def fit_scale(options: Options) -> int:
    """Print the factor of the standard deviations and the shares within them; with --write, store it with the weights."""
    import math

    import numpy as np
    from tqdm import tqdm

    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.robustness.plane_scales import evaluate_plane_scales
    from gsn_perception.evaluation.robustness.plane_scales import plane_cases
    from gsn_perception.evaluation.views.cases import choose
    from gsn_perception.io.checkpoints import annotate
    from gsn_perception.io.checkpoints import load_checkpoint
    from gsn_perception.io.checkpoints import shipped
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.pipeline import ReconstructorSettings
    from gsn_perception.scenes.loader import load_meshes
    from gsn_perception.training.scale.calibration import honest_factor

    check_writable(options.json)
    settings = ReconstructorSettings(allow_cut=True, plane_scale="learned")
    pipeline = Reconstructor.from_pretrained(options.checkpoint, settings=settings)
    objects = choose(load_meshes(options.objects)[0], options.budget, options.seed)
    cases = (case for item in objects for case in plane_cases(item, options.views, (0.0, 0.0), options.seed))
    shown = tqdm(cases, total=len(objects) * options.views, desc="scales", ncols=100)
    rows = [row for row in evaluate_plane_scales(shown, {"learned": pipeline.splats})["learned"] if "ratio" in row]
    ratio = np.array([abs(math.log(row["ratio"])) / row["sigma"] for row in rows])
    factor = honest_factor(ratio)
    for name, by in (("before", 1.0), ("after", factor)):
        print(f"{name}: within one sigma {(ratio <= by).mean():.1%}, within two {(ratio <= 2 * by).mean():.1%}")
    path = shipped("scale")
    old = list(load_checkpoint(path, "scale").info.get("sigma_factors", [1.0, 1.0]))
    new = [old[0] * factor, *old[1:]]
    print(f"factor {old[0]:.3f} -> {new[0]:.3f} on {len(rows)} views")
    if options.json is not None:
        write_json(options.json, {"sigma_factors": new, "views": rows})
    if options.write:
        annotate(path, {"sigma_factors": new})
    return 0
