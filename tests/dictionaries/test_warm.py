from unmix.dictionaries import warm
from unmix.dictionaries.kernels import products_cpu, round_cpu, select_cpu, update_cpu
from unmix.hardware import multiplies_int8


def test_every_kernel_of_a_training_step_is_compiled() -> None:
    warm.main()
    called = (
        select_cpu.guess,
        select_cpu.above,
        select_cpu.joined,
        select_cpu.keep,
        products_cpu.sort_by_latent,
        products_cpu.sum_rows,
        products_cpu.add_by_latent,
        products_cpu.fit,
        products_cpu.count,
        products_cpu.keep_above,
        update_cpu.squares,
        update_cpu.adam,
        *([round_cpu.shorten] if multiplies_int8() else []),
    )
    assert all(kernel.signatures for kernel in called)


def test_it_runs_in_a_process_of_its_own() -> None:
    with warm.begin() as process:
        pass
    assert process.returncode == 0
