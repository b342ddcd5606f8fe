#!/bin/sh
# Makes NotoSansCJKsc-Subset.otf of Debian's fonts-noto-cjk, with python3-fonttools.
set -eu
cd "$(dirname "$0")"
characters=$(mktemp)
trap 'rm -f "$characters"' EXIT
/usr/bin/python3 - > "$characters" <<'PYTHON'
def rows(first, last):
    """The characters of these rows of GB 2312."""
    for high in range(first, last + 1):
        for low in range(0xA1, 0xFF):
            try:
                yield bytes([high, low]).decode('gb2312')
            except UnicodeDecodeError:
                pass

characters = set(rows(0xA1, 0xA3)) | set(rows(0xA6, 0xA6)) | set(rows(0xB0, 0xD7))  # signs, full width, Greek, level 1
characters |= set(  # of level 2, what titles and names are often written with
    '婷鑫雯琪璇瑶淼昊晟煜玥玮珺琦琨瑜瑾璐璟颖昕曦暄晗晖炜烨焘翀翊怡恺懿戬婕婧嫣娴姝妍妤媛绮缇苒芮茜荃莹菁萱岚峥嵘崧崴嵩嵋旻杞栩桢梓楠槿榕潇滢澍瀚灏沅泓洺浔涓'
    '渝溧濂漪佟佰佚偲俪倪亟仉钰铖锟镕镭黛嘎吲噢叁您嗨哇咦呗咋霾骅骐麒麟煲烩莅暨尹邵邱郝阎蒋瞿璞骞赟翟滕裘闫邬邹郗郜岑甄菡蓓蕊薇泾沣洛漯濮泸衢邳邯郸鄞鄱儋芗莆'
    '汕亳歙颍诸暨嵊瓯婺笃祺祎禧裕缤纷璀璨琳琅咨斡旋踊跃瞻瞩膳馐酬谧邃绚缮藉履虔诚恪忱悼唁噩罹赈恤')
characters |= {chr(c) for c in range(0x20, 0x7F)} | {chr(c) for c in range(0xA0, 0x180)} | set('–—…•‘’“”€™□')
print(''.join(sorted(characters)), end='')
PYTHON
/usr/bin/python3 -m fontTools.subset /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc --font-number=2 \
    --text-file="$characters" --output-file=NotoSansCJKsc-Subset.otf --layout-features='' --no-hinting --desubroutinize \
    --name-IDs='0,1,2,5,13,14' --drop-tables+=GPOS,GSUB,VORG,vhea,vmtx
