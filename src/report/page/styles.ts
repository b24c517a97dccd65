/**
 * @file The page's style sheet: light and dark, narrow and wide, screen and paper.
 */
import { INK, type Theme } from './palette.ts';

function variables(theme: Theme): string {
  const { text, muted, grid, axis, background, panel } = INK[theme];
  const [link, accent, better, worse, raised] =
    theme === 'light'
      ? ['#005a8d', '#0072B2', '#00684a', '#a34000', '#f5f7f9']
      : ['#6cb6e6', '#3D9BD6', '#3ddba8', '#ff9a6b', '#171c22'];
  return `color-scheme:${theme};--text:${text};--muted:${muted};--line:${grid};--axis:${axis};--back:${background};--panel:${panel};--raised:${raised};--link:${link};--accent:${accent};--better:${better};--worse:${worse}`;
}

export const STYLES: string = `
:root{${variables('light')}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${variables('dark')}}}
:root[data-theme=dark]{${variables('dark')}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
.wrap{max-width:1500px;margin:0 auto;padding:1rem clamp(.75rem,3vw,2rem) 3rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:baseline;justify-content:space-between;padding-top:.5rem}
h1{font-size:1.6rem;line-height:1.25;margin:0;overflow-wrap:anywhere;flex:1;min-width:60%}
h2{font-size:1.25rem;line-height:1.3;margin:0 0 .25rem;overflow-wrap:anywhere}
h3{font-size:.95rem;margin:0;font-weight:600}
p,ul{margin:.4rem 0}
a{color:var(--link)}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--muted);overflow-wrap:anywhere}
.lead{color:var(--muted);margin:0;flex-basis:100%}
section{margin:2rem 0 0;padding-top:1.25rem;border-top:1px solid var(--line)}
.summary{padding-left:1.2rem;max-width:75rem}
.hidden{position:absolute;width:1px;height:1px;margin:-1px;padding:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap;border:0}
.skip{position:absolute;left:-999rem;top:.5rem;background:var(--panel);padding:.5rem .75rem;border:2px solid var(--accent);border-radius:6px;z-index:9}
.skip:focus{left:.5rem}
button{font:inherit;font-size:.85rem;color:var(--text);background:var(--raised);border:1px solid var(--axis);border-radius:6px;padding:.25rem .6rem;min-height:2rem;cursor:pointer}
#theme[aria-pressed=true]{border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent)}
button:hover{border-color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.tools{display:flex;flex-wrap:wrap;gap:.4rem;margin:.6rem 0}
.tools .group{display:flex;flex-wrap:wrap;gap:.4rem}
.tools .zoom{margin-left:auto}
.curve{display:inline-flex;align-items:center;gap:.4rem;overflow-wrap:anywhere;text-align:left}
.curve[aria-pressed=false]{text-decoration:line-through;color:var(--muted);background:transparent;border-style:dashed}
.curve[aria-pressed=false] .swatch{opacity:.25}
.swatch{flex:none;vertical-align:middle}
.charts{display:grid;grid-template-columns:minmax(0,1fr);gap:1rem}
figure{margin:0;min-width:0}
figcaption{padding:.15rem 0 .1rem}
.chart{position:relative;height:430px;touch-action:pan-y;border-radius:6px}
.chart.small{height:330px}
.chart>div:first-child>svg{display:block;max-width:100%}
.select{position:absolute;top:0;bottom:0;background:var(--accent);opacity:.18;pointer-events:none}
.matrices{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:1.5rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th{border-bottom-color:var(--axis)}
th[scope=row]{font-weight:400}
.n{text-align:right;white-space:nowrap}
table.tip{margin-top:4px;font-size:12px}
table.tip td{padding:1px 10px 1px 0;border:0;white-space:nowrap}
table.tip td:nth-child(2){white-space:normal;max-width:38vw;overflow-wrap:anywhere}
thead th.n{white-space:normal;min-width:5rem;max-width:9rem;vertical-align:bottom}
thead th{vertical-align:bottom}
.sort{background:none;border:0;padding:.15rem 0;font-weight:600;text-align:inherit;border-radius:2px;overflow-wrap:anywhere}
th[aria-sort=ascending] .sort::after{content:" ▲"}
th[aria-sort=descending] .sort::after{content:" ▼"}
.at{color:var(--muted)}
.mark{font-size:.75rem;color:var(--muted)}
.faster{color:var(--better)}
.slower{color:var(--worse)}
summary{cursor:pointer;padding:.3rem 0;color:var(--link)}
textarea.csv{width:100%;font:.8rem ui-monospace,Menlo,Consolas,monospace;background:var(--panel);color:var(--text)}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:.5rem 0;font-size:.9rem}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
.hosts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));gap:1.5rem}
footer{margin-top:2.5rem;color:var(--muted);font-size:.85rem}
@media (min-width:1200px){.charts.two{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media (max-width:600px){.chart{height:360px}.chart.small{height:280px}.tools .zoom{margin-left:0}h1{font-size:1.3rem}dl{grid-template-columns:minmax(0,1fr)}dt{margin-top:.3rem}.sort{font-size:.8rem}}
@media print{
:root,:root[data-theme=dark],:root:not([data-theme=light]){${variables('light')}}
body{font-size:10.5pt}.wrap{max-width:none;padding:0}
.tools,.skip,#theme,summary{display:none}
.tools.legend{display:flex}.tools.legend .zoom,.curve[aria-pressed=false]{display:none}.curve{border:0;padding:0 .6rem 0 0;background:none;min-height:0}
.charts,.charts.two{grid-template-columns:minmax(0,1fr)}
figure,tr,.summary{break-inside:avoid}h2,h3,figcaption{break-after:avoid}
.chart{height:auto}.scroll{overflow:visible}a{color:inherit;text-decoration:none}
@page{margin:14mm}}
`;
