#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""module_test.py FOLDER: the module's description, Kconfig, CMake, overlay and sample, without a Zephyr tree.

Kconfig is read by Kconfiglib, as Zephyr does, with stand-ins for Zephyr's own symbols (stub_build/Kconfig.zephyr); the module's
CMake runs with stand-ins for Zephyr's functions and compiles for a Cortex-M33; what it compiles must need nothing but
what Zephyr and TF-M bring. FOLDER is emptied first."""
import os
import pathlib
import shutil
import subprocess
import sys

import kconfiglib
import yaml

MODULE = pathlib.Path("device/ports/zephyr")
SAMPLE = MODULE / "sample"
BOARD = SAMPLE / "boards" / "mps2_an521_cpu0_ns"
# What the linked image gets from elsewhere: TF-M's interface, Zephyr's MCUmgr, sockets and credentials, the C library.
BROUGHT = {"psa_call", "mgmt_register_group", "tls_credential_add", "tls_credential_delete", "printk", "__errno",
           "zsock_getaddrinfo", "zsock_freeaddrinfo", "zsock_socket", "zsock_setsockopt", "zsock_connect", "zsock_send",
           "zsock_recv", "zsock_close", "memcpy", "memset", "memmove", "memcmp", "strlen"}


def require(condition, text):
    if not condition:
        sys.exit(f"module_test: {text}")


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    require(done.returncode == 0, f"{' '.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_description():
    """zephyr/module.yml names what is there."""
    module = yaml.safe_load((MODULE / "zephyr" / "module.yml").read_text(encoding="utf-8"))
    require(set(module) <= {"name", "build", "samples"}, f"keys of module.yml: {sorted(module)}")
    require((MODULE / module["build"]["cmake"] / "CMakeLists.txt").is_file(), "build: cmake")
    require((MODULE / module["build"]["kconfig"]).is_file(), "build: kconfig")
    for sample in module["samples"]:
        require((MODULE / sample / "prj.conf").is_file(), f"sample {sample}")


def assignments(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def configure(files):
    """The configuration that these files give; each assignment in them must have taken effect."""
    os.environ.update(srctree=str((MODULE / "stub_build").resolve()), CONFIG_="CONFIG_")
    kconf = kconfiglib.Kconfig(str((SAMPLE / "Kconfig").resolve()), warn_to_stderr=False)
    for symbol in ("PEDIGREE", "PEDIGREE_MGMT", "PEDIGREE_TLS_CREDENTIALS"):
        require(symbol in kconf.syms and kconf.syms[symbol].nodes, f"no symbol {symbol}")
    for file in files:
        kconf.load_config(str(file), replace=False)
    require(not kconf.warnings, "Kconfig: " + "\n".join(kconf.warnings))
    wanted = {}
    for file in files:
        wanted.update(assignments(file))
    for name, value in wanted.items():
        symbol = kconf.syms[name.removeprefix("CONFIG_")]
        text = f'"{symbol.str_value}"' if symbol.orig_type == kconfiglib.STRING else symbol.str_value
        require(text == value, f"{name}={value} has no effect: it is {text}")
    return kconf


def write_configuration(kconf, folder):
    """As Zephyr hands it on: a header, and variables of CMake for what is set."""
    kconf.write_autoconf(str(folder / "autoconf.h"))
    lines = []
    for symbol in kconf.unique_defined_syms:
        if symbol.config_string and not symbol.config_string.startswith("#"):
            lines.append(f'set(CONFIG_{symbol.name} "{symbol.str_value}")\n')
    (folder / "config.cmake").write_text("".join(lines), encoding="utf-8")


def build(kconf, folder):
    folder.mkdir(parents=True)
    write_configuration(kconf, folder)
    toolchain = pathlib.Path("cmake/arm-none-eabi.cmake").resolve()
    launchers = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX") if shutil.which("ccache")]
    run(["cmake", "-S", MODULE / "stub_build", "-B", folder, "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", *launchers])
    run(["cmake", "--build", folder])
    archives = [folder / "module" / "libpedigree.a", folder / "libapp.a"]
    linked = folder / "linked.o"
    options, wraps = (folder / "properties.txt").read_text(encoding="utf-8").split("\n")[:2]
    run(["arm-none-eabi-gcc", "-mcpu=cortex-m33+nofp", "-mthumb", "-r", "-nostdlib", "-o", linked, "-Wl,--whole-archive", *archives])
    undefined = {line.split()[-1] for line in run(["arm-none-eabi-nm", "-u", linked]).splitlines()}
    undefined = {name for name in undefined if not name.startswith("__real_")}
    require(undefined <= BROUGHT, f"needs what nobody brings: {sorted(undefined - BROUGHT)}")
    return options, wraps


def check_provisioning(folder):
    kconf = configure([SAMPLE / "prj.conf", BOARD.with_suffix(".conf")])
    require(kconf.syms["ZCBOR_CANONICAL"].str_value == "y", "a station takes definite lengths only")
    require(kconf.syms["MCUMGR_MGMT_CUSTOM_PAYLOAD"].str_value == "y", "payloads must pass as they are")
    require(kconf.syms["PEDIGREE_PSA_KEYS"].str_value == "n", "nothing is wrapped without TLS")
    options, wraps = build(kconf, folder / "provisioning")
    require(wraps == "", f"wraps {wraps}")
    wanted = {"-DTFM_PARTITION_PEDIGREE=ON", "-DPEDIGREE_SLOTS=2", "-DPEDIGREE_MAX_CHAIN=2048", "-DPEDIGREE_STORAGE=ITS"}
    require(wanted <= set(options.split(";")), f"TF-M is given {options}")


def check_tls(folder):
    kconf = configure([SAMPLE / "prj.conf", SAMPLE / "tls.conf"])
    _, wraps = build(kconf, folder / "tls")
    for name in ("psa_sign_hash", "psa_get_key_attributes", "psa_export_public_key"):
        require(f"-Wl,--wrap={name}" in wraps.split(";"), f"{name} is not wrapped: {wraps}")


def check_mistakes():
    """The checks above see what they are for."""
    kconf = kconfiglib.Kconfig(str((SAMPLE / "Kconfig").resolve()), warn_to_stderr=False)
    kconf.load_config(str(SAMPLE / "prj.conf"))
    kconf.syms["BUILD_WITH_TFM"].set_value("n")
    require(kconf.syms["PEDIGREE"].str_value == "n", "without TF-M there is no partition")
    kconf.syms["BUILD_WITH_TFM"].set_value("y")
    kconf.syms["PEDIGREE_SLOTS"].set_value("9")
    require(kconf.syms["PEDIGREE_SLOTS"].str_value != "9", "slots are 1 to 8")


def check_overlay():
    """The overlay compiles over a board that has the node it names, and chooses that one."""
    base = "/dts-v1/;\n/ { chosen { }; soc { uart0: uart@200000 { reg = <0x200000 0x1000>; }; }; };\n"
    text = base + BOARD.with_suffix(".overlay").read_text(encoding="utf-8")
    source = run(["dtc", "-q", "-I", "dts", "-O", "dts", "-"], input=text)
    require('zephyr,uart-mcumgr = "/soc/uart@200000";' in source, source)


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    check_description()
    check_overlay()
    check_provisioning(folder)
    check_tls(folder)
    check_mistakes()
    print("module.yml, Kconfig, CMake, overlay and sample hold together")


if __name__ == "__main__":
    main()
