/** How French is written, and how customers write it. Every word is folded: lower case, without accents. */
import { list, plainPlural, table } from "../lists.ts";
import type { SpellingWords } from "../spellingWords.ts";
import { singular, stem } from "./stem.ts";
import { FRENCH_WORDS } from "./words.ts";

export const frenchSpelling = {
  stem,
  singular,
  plural: plainPlural,
  elisions: new Map([
    ...list("l d j s m t c qu jusqu lorsqu puisqu quoiqu").map((word): [string, string] => [word, ""]),
    ["n", "ne"],
  ]),
  gluedSubject: { letter: "j", word: "je" },
  // "bloke" for "bloque", "konfirmer", "kaleur".
  soundsLike: [["k", ["qu", "c", "ch"]]],
  // "-t-" in "existe-t-il".
  readToken: (word, raw, start) => (word === "t" && raw[start - 1] === "-" ? [] : undefined),
  letterWords: new Set(["y", "a"]),
  abbreviations: table(`bjr bonjour|bsr bonsoir|slt salut|cc coucou|stp s il te plait|svp s il vous plait|
    sil s il|mdp mot de passe|cmd commande|cde commande|pb probleme|pbm probleme|pblm probleme|pr pour|ds dans|
    ac avec|avc avec|qd quand|kan quand|pk pourquoi|pkoi pourquoi|pq pourquoi|koi quoi|ke que|ki qui|
    tel telephone|num numero|n° numero|bcp beaucoup|tjs toujours|tjrs toujours|rdv rendez vous|mag magasin|
    dispo disponible|promo promotion|reduc reduction|remb remboursement|mel mail|
    vs vous|ns nous|jai ai|jaimerai aimerais|jaimerais aimerais|cest est|ya y a|g ai|chui suis|
    jsuis suis|javais avais|dsl desole|mci merci|mrc merci|ajd aujourd hui|auj aujourd hui|dmn demain|
    wkend week end|we week end|jms jamais|qq quelque|qqun quelqu un|qqch quelque chose|
    aurevoir au revoir|comen comment|cmt comment|cb combien|combi combien|tt tout|ts tous|dc donc|
    tps temps|lgtps longtemps|pts points|sav service apres vente|cgv conditions generales vente|ptetre peut etre|
    vrmt vraiment|kelk quelque|kel quel|kelle quelle|sui suis|resu recu|pa pas`),
  commonWords: FRENCH_WORDS,
  stopWords: new Set(
    list(`le la les un une des du de au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos
      leur leurs je tu il elle on nous vous ils elles me te se moi toi lui eux en y que qui quoi dont ou et mais
      donc or ni car si ne pas plus moins est es sont suis sommes etes etre ete etait ai as a avons avez ont avoir
      eu aurait aurais fait faire faites peux peut pouvez pouvoir puis pourrais pourriez voudrais veux aimerais
      souhaite faut dans sur sous avec sans pour par chez vers entre comme tres bien aussi alors meme tout toute
      tous toutes ca cela ceci c quel quelle quels quelles quand comment combien pourquoi s il plait dit ici la`),
  ),
} satisfies Partial<SpellingWords>;
