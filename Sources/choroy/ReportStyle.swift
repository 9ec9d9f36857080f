/// How a report looks, in light and in dark.
enum ReportStyle {
    static let css = """
        :root{--page:#f7f6f3;--card:#fff;--ink:#1d1d1b;--soft:#6b6a66;--line:#e3e1db;--rest:#c9c6bd;
        --mark:#fff6dc;--c0:#2a6fbb;--c1:#d9622b;--c2:#1d8a5f;--c3:#8a56b8;--c4:#c23b6d;--c5:#8b7a12}
        @media (prefers-color-scheme:dark){:root{--page:#161716;--card:#1f2120;--ink:#ececea;
        --soft:#a09f9a;--line:#333533;--rest:#53554f;--mark:#3a3420;--c0:#69a9ee;--c1:#f08a57;
        --c2:#4cc191;--c3:#b98ee0;--c4:#ee7aa3;--c5:#cdb947}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        header,main{max-width:1180px;margin:0 auto;padding:0 24px}
        header{padding-top:40px}main{padding-bottom:64px}
        .kicker{margin:0;color:var(--soft);font-size:14px}
        h1{margin:2px 0 24px;font-size:32px;line-height:1.2;font-weight:650;overflow-wrap:anywhere}
        h2{margin:40px 0 12px;font-size:20px;font-weight:650}
        h3{margin:0 0 12px;font-size:16px;font-weight:600;overflow-wrap:anywhere}
        h3 em{font-weight:400;font-style:normal;color:var(--soft);font-size:14px;margin-left:6px}
        .chip{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:8px}
        .cards{display:grid;gap:16px;margin-bottom:16px}
        .card,figure,.ladder,.samples,.rows,pre{background:var(--card);border:1px solid var(--line);
        border-radius:10px}
        .card{padding:16px 20px}
        .facts{display:flex;flex-wrap:wrap;gap:12px 36px}
        .facts div{display:flex;flex-direction:column}
        .facts b{font-size:23px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums}
        .facts span{color:var(--soft);font-size:13px}
        .legend{display:flex;flex-wrap:wrap;gap:4px 24px;margin:20px 0 12px;font-size:14px}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));
        gap:16px}
        figure{margin:0;padding:14px 16px 8px}
        figcaption{font-weight:600;margin-bottom:6px}
        figcaption small{font-weight:400;color:var(--soft);margin-left:6px}
        figure svg{display:block;width:100%;height:auto}
        .grid{stroke:var(--line)}.axis{stroke:var(--soft)}
        .label{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}
        .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
        .faint{opacity:.28;stroke-width:1.2}
        .mark{stroke:var(--card);stroke-width:1.5}
        .s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}
        .s3{stroke:var(--c3)}.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}
        .mark.s0,.f0{fill:var(--c0)}.mark.s1,.f1{fill:var(--c1)}.mark.s2,.f2{fill:var(--c2)}
        .mark.s3,.f3{fill:var(--c3)}.mark.s4,.f4{fill:var(--c4)}.mark.s5,.f5{fill:var(--c5)}
        .mark{stroke:var(--card)!important}
        .b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}
        .b3{background:var(--c3)}.b4{background:var(--c4)}.b5{background:var(--c5)}
        .rest{fill:var(--rest)}
        table{border-collapse:collapse;width:100%;font-size:14px}
        caption{text-align:left;padding:12px 16px 0;font-weight:600}
        .ladders{display:block}.ladder{border-collapse:separate;border-spacing:0;padding:10px 4px;
        margin-bottom:16px}
        .ladder th{width:1%;white-space:nowrap;text-align:left;font-weight:400;padding:5px 14px}
        .ladder .ours th,.ladder .ours .number{font-weight:650}
        .bar{display:block;width:100%;height:14px;border-radius:3px}
        .number{width:1%;padding:5px 16px;text-align:right;font-variant-numeric:tabular-nums}
        .samples{margin:0 0 20px;padding:6px 20px}
        .samples dt{color:var(--soft);font-size:13px;padding-top:12px}
        .samples dd{margin:2px 0 0;padding-bottom:12px;border-bottom:1px solid var(--line);
        white-space:pre-wrap;overflow-wrap:anywhere;max-height:220px;overflow-y:auto;
        font-family:Georgia,"Noto Serif",serif}
        .samples dd:last-child{border:0}
        .scroll{overflow-x:auto}
        .rows{border-collapse:separate;border-spacing:0;overflow:hidden}
        .rows th,.rows td{text-align:left;padding:6px 16px;border-bottom:1px solid var(--line);
        vertical-align:top;overflow-wrap:anywhere}
        .rows tr:last-child>*{border-bottom:0}
        .rows tbody th{font-weight:400;color:var(--soft);white-space:nowrap;width:1%}
        .rows td{font-variant-numeric:tabular-nums}
        .differs td{background:var(--mark)}
        pre{padding:14px 18px;margin:0 0 12px;white-space:pre-wrap;overflow-wrap:anywhere;
        font:13px/1.5 ui-monospace,"SF Mono","DejaVu Sans Mono",monospace}
        """
}
