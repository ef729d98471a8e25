# What tools/build-device and tools/build-library share: the architectures, what they take from
# Debian, and how the modules are compiled. To be read by bash in the root of the repository, with
# `program` set to the name of the tool.

architectures="aarch64 armv7 x86-64"
fail() { echo "$program: $1" >&2; exit 2; }

toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")
clang=$toolchain/bin/clang
linker=$toolchain/bin/ld.lld
for tool in "$clang" "$linker" "$toolchain/bin/llvm-objcopy"; do
    [ -x "$tool" ] || fail "the Swift toolchain has no $tool"
done

zstd=.build/device/zstd
c_modules="CChecksums CEdgeKernels CEdgePlatform"

# What the compilers call the architecture.
describe() {
    arch=$1
    case "$arch" in
        aarch64)
            debian=arm64 gnu=aarch64-linux-gnu emulation=aarch64linux
            swift_target=aarch64-none-none-elf musl_target=aarch64-linux-musl
            machine_flags=(-march=armv8-a -mno-outline-atomics) ;;
        armv7)
            debian=armhf gnu=arm-linux-gnueabihf emulation=armelf_linux_eabi
            swift_target=armv7-none-none-eabi musl_target=arm-linux-musleabihf
            machine_flags=(-march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard) ;;
        x86-64)
            debian=amd64 gnu=x86_64-linux-gnu emulation=elf_x86_64
            swift_target=x86_64-unknown-none-elf musl_target=x86_64-linux-musl
            machine_flags=(-march=x86-64) ;;
        *) fail "unknown architecture '$arch'; known are $architectures and all" ;;
    esac
    out=.build/device/$arch
}

# The source of zstd as Debian has it: the libraries that are built of it also read the formats of
# ten years ago and decode every block in two ways, which is half of their size. Package lists of
# its own, as below.
fetch_zstd() {
    [ ! -e "$zstd/.complete" ] || return 0
    echo "$program: fetching the source of libzstd" >&2
    local lists=$PWD/$zstd/apt list version
    mkdir -p "$lists/lists/partial" "$lists/sources" "$lists/archives"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$list" ] || sed -E 's/^deb /deb-src /; s/^Types: .*/Types: deb-src/' "$list" \
            > "$lists/sources/$(basename "$list")"
    done
    local options=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$lists/sources"
        -o Dir::State::Lists="$lists/lists" -o Dir::Cache="$lists" -o APT::Sandbox::User=root)
    apt-get -qq "${options[@]}" update || true
    # A mirror may lack the source of the newest version; all have the same original archive.
    for version in $(apt-cache "${options[@]}" showsrc --only-source libzstd \
        | sed -n 's/^Version: //p' | sort -rVu); do
        (cd "$lists/archives" \
            && apt-get -qq "${options[@]}" source --download-only "libzstd=$version" >&2) && break
        rm -f "$lists"/archives/libzstd_*
    done
    compgen -G "$lists/archives/libzstd_*.orig.tar.xz" >/dev/null \
        || fail "no source of libzstd can be fetched from the package mirror"
    tar -xJf "$lists"/archives/libzstd_*.orig.tar.xz -C "$zstd" --strip-components 1
    touch "$zstd/.complete"
}

# Compiles the decoder only with `c_flags` into `work`, as small as it can be, and adds its files to
# `objects`. Weights are decoded by CEdgePlatform itself where words have 64 bits, else by zstd in the
# way that is fastest for bytes with little order.
compile_zstd() {
    local flags=(-DZSTD_LEGACY_SUPPORT=0 -DZSTD_STRIP_ERROR_STRINGS=1 -DHUF_FORCE_DECOMPRESS_X1
        -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT -DDYNAMIC_BMI2=0 -DZSTD_DISABLE_ASM=1
        -DZSTD_TRACE=0 -DXXH_NAMESPACE=ZSTD_ -DNDEBUG)
    local source object level
    for source in "$zstd"/lib/common/{entropy_common,error_private,fse_decompress,xxhash,zstd_common}.c \
        "$zstd"/lib/decompress/*.c; do
        object=$work/objects/zstd-$(basename "$source").o
        objects+=("$object")
        level=(-Oz)
        case "$source" in
            */huf_decompress.c)
                level+=(-DZSTD_NO_INLINE)
                [ "$arch" != armv7 ] || level=(-O3 -fno-inline-functions) ;;
            */fse_decompress.c) level+=(-DZSTD_NO_INLINE) ;;
            */zstd_decompress_block.c) level+=(-DZSTD_NO_INLINE -mllvm -inline-threshold=30) ;;
        esac
        "$clang" "${c_flags[@]}" -Wno-error "${flags[@]}" "${level[@]}" -c "$source" -o "$object"
    done
}

# fetch_packages <folder> <package>... — Debian's packages for the device, unpacked into a folder,
# through package lists of their own: the lists and the architectures of this system stay as they
# are.
fetch_packages() {
    local folder=$1 lists=$PWD/$1.apt package
    shift
    [ ! -e "$folder/.complete" ] || return 0
    echo "$program: fetching $* for $debian" >&2
    mkdir -p "$lists/lists/partial" "$lists/archives" "$folder"
    local apt=(apt-get -qq -o APT::Architecture="$debian" -o APT::Architectures="$debian"
        -o Dir::State::Lists="$lists/lists" -o Dir::Cache="$lists" -o APT::Sandbox::User=root)
    # Some lists may be unavailable for a while; what counts is that the packages are found.
    "${apt[@]}" update || true
    (cd "$lists/archives" && "${apt[@]}" download "$@")
    for package in "$lists"/archives/*.deb; do dpkg -x "$package" "$folder"; done
    touch "$folder/.complete"
}

# Speed counts where the vectors are; the scalar table is for processors that have none.
optimization() {
    case "$1" in
        */CEdgeKernels-*scalar*.o) echo -Oz ;;
        */CEdgePlatform-literals.o) echo -O2 ;;
        */CEdgePlatform-*) echo -Oz ;;
        */CEdgeKernels-*) echo -O2 ;;
        *) echo -Os ;;
    esac
}

# Compiles the C modules with `c_flags` into `work` and adds their files to `objects`.
compile_c() {
    local module source object
    for module in $c_modules; do
        for source in Sources/$module/*.c; do
            object=$work/objects/$module-$(basename "$source" .c).o
            objects+=("$object")
            "$clang" "${c_flags[@]}" "$(optimization "$object")" "-ISources/$module/include" \
                -c "$source" -o "$object"
        done
        cat > "$work/modules/$module.modulemap" <<MAP
module $module { header "$PWD/Sources/$module/include/$module.h" export * }
MAP
    done
}

# What the optimizer of Swift does for speed and its level for size does not leave out: copies of
# functions for each closure that is given to them, and the last round of inlining, which puts the
# checks of arrays into all that reads one. Text is split and looked up in arrays, byte by byte.
swift_optimization() {
    echo "-Xllvm -sil-disable-pass=closure-specialize"
    [ "$1" = EdgeTokenizer ] || echo "-Xllvm -sil-disable-pass=inline"
}

# compile_swift <flag>... — compiles `swift_modules` into `work` with the features that Package.swift
# turns on, and adds their files to `objects`.
compile_swift() {
    local swift_flags=(-target $swift_target -enable-experimental-feature Embedded
        -swift-version 6 -enable-upcoming-feature ExistentialAny
        -enable-upcoming-feature InternalImportsByDefault
        -enable-upcoming-feature MemberImportVisibility -package-name attenuate -wmo -Osize
        -parse-as-library -warnings-as-errors -Xcc -ffreestanding -Xfrontend -function-sections
        -I "$work/modules" "$@")
    local module name flag
    for flag in "${machine_flags[@]}"; do swift_flags+=(-Xcc "$flag"); done
    for module in $c_modules; do
        swift_flags+=(-Xcc "-fmodule-map-file=$work/modules/$module.modulemap")
    done
    for module in $swift_modules; do
        name=${module/-/_}
        objects+=("$work/objects/$name.o")
        # shellcheck disable=SC2046
        swiftc "${swift_flags[@]}" $(swift_optimization "$module") -module-name "$name" \
            -emit-module -emit-module-path "$work/modules/$name.swiftmodule" \
            -c $(find "Sources/$module" -name '*.swift' | sort) -o "$work/objects/$name.o"
    done
}
