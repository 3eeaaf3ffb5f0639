/** French as the reasoning sees it. Every word is written folded: lower case, without accents. */

import type { Language } from "../language.ts";
import { list, phrases, table } from "../lists.ts";
import { COUNTRIES, PLACES } from "../places.ts";
import { frenchContext } from "./context.ts";
import { frenchReplies } from "./replies.ts";
import { singular, stem } from "./stem.ts";
import { frenchTexts } from "./texts.ts";
import { frenchTimes } from "./times.ts";
import { frenchTroubleAt } from "./troubles.ts";
import { FRENCH_WORDS } from "./words.ts";

const UNITS = list(
  "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
);

export const french: Language = {
  code: "fr",
  no: "non",
  stem,
  singular,
  elisions: new Set(list("l d j n s m t c qu jusqu lorsqu puisqu quoiqu")),
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
  negations: new Set(list("ne pas plus jamais rien aucun aucune sans ni non guere")),
  positive:
    phrases(`content|satisfait|ravi|ravie|merci|super|genial|parfait|excellent|top|bravo|j adore|formidable|
    impeccable|heureux|heureuse|aime beaucoup|agreable|rapide et efficace|chouette|nickel`),
  negative:
    phrases(`mecontent|insatisfait|decu|deception|furieux|furieuse|en colere|enerve|inadmissible|inacceptable|
    scandaleux|honteux|honte|arnaque|nul|nulle|catastrophe|catastrophique|marre|ras le bol|agace|casse|
    abime|defectueux|panne|retard|perdu|egare|impossible|probleme|erreur|mauvais|mauvaise|plainte|
    reclamation|injuste|pire|horrible|lamentable|dommage|inquiet|inquiete|rien recu|toujours pas|
    desagreable|voleurs`),
  ...frenchContext,
  fillers: phrases(`bonjour|bonsoir|salut|coucou|bien sur|excellente question|tres bonne question|
    merci pour votre question|merci de votre question|merci pour votre message|avec plaisir|n hesitez pas`),
  refusals:
    phrases(`je ne sais pas|je ne dispose pas|je ne connais pas|je n ai pas|nous n avons pas|nous ne|precisez|
    pouvez vous preciser|contactez|ecrivez nous|appelez|malheureusement|desole|desolee`),
  numbers: new Map<string, number>([
    ...UNITS.map((word, value): [string, number] => [word, value]).filter(([word]) => word !== "un"),
    ...Object.entries({
      vingt: 20,
      trente: 30,
      quarante: 40,
      cinquante: 50,
      soixante: 60,
      cent: 100,
      mille: 1000,
    }),
  ]),
  questions: new Map([
    ["combien", "quantity"],
    ["quand", "time"],
    ["ou", "place"],
    ["comment", "manner"],
    ["pourquoi", "reason"],
    ["qui", "person"],
    ["quel", "thing"],
    ["quelle", "thing"],
    ["quels", "thing"],
    ["quelles", "thing"],
    ["est ce que", "yesno"],
  ]),
  ...frenchTimes,
  nounsFirst: new Set(
    list(
      "commande commandes achat achats livre livres recherche recherches suivi retour retours echange echanges envoi envois charge reponse remise marche essai suite",
    ),
  ),
  determiners: new Set(
    list(`un une le la les des du ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur
    leurs aucun aucune quel quelle quels quelles vrai vraie bon bonne autre autres premier premiere derniere deux trois`),
  ),
  auxiliaries: new Set(
    list(
      "est etre ete suis sommes sont sera serai seront etait ai as avons avez ont avais avait avoir faire marque",
    ),
  ),
  tooMuch: new Set(list("trop tro")),
  tooMuchNot: new Set(
    list(`tard tot drole chaud froid bien cool fort bon bons bonne beau belle mignon gentil content contente hate de d
    forte super sympa marrant top styles stylé classe jolie joli kiffant genial plaisir peu que aime`),
  ),
  troubleAt: frenchTroubleAt,
  where:
    /(?<![\p{L}\d'’-])(à|a|vers|depuis|habite|(?:magasin|boutique|agence|dépôt|depot|entrepôt|entrepot|région|ville|commune|gare|poste|mairie) d(?:e |['’]))\s*(\p{Lu}[\p{L}'’]+(?:[- ](?:(?:sur|sous|lès|les|le|la|en|de|du|l['’]|d['’])[- ]?)?\p{Lu}[\p{L}'’]+|-\p{L}+)*)/gu,
  trades: new Set(
    list("vendez vend cherche cherchez recherche chercher acheter achete commander commande avez auriez"),
  ),
  articles: new Set(list("un une des de du les le la mon ma mes")),
  between: new Set(list("vous nous je tu on encore aussi bien toujours deja pas plus donc en chez")),
  compound: /^ (?:de |d['’])(\p{Ll}{3,})(?!['’\p{L}])/u,
  compoundNot: new Set(
    list(`taille couleur marque qualite chez rechange occasion base retour livraison suite quelle quel quels combien stock
      nouveau dispo disponible type forme poids prix suivi commande remplacement preference cote ici jour nuit nom grande
      grand petite petit belle bonne meilleure haute moins plus chaque tout toute toutes tous quoi qui gamme toutefois
      anniversaire noel cm mm kg litres metres personnes places ans euros meme telle presentation demain hier`),
  ),
  places: PLACES,
  countries: new Set(COUNTRIES),
  currencies: new Map([
    ["€", "EUR"],
    ["euros", "EUR"],
    ["eur", "EUR"],
    ["balles", "EUR"],
    ["balle", "EUR"],
    ["boules", "EUR"],
    ["e", "EUR"],
    ["euro", "EUR"],
    ["$", "USD"],
    ["dollars", "USD"],
    ["£", "GBP"],
  ]),
  synonyms: [
    list("magasin boutique"),
    list("colis paquet"),
    list("mail courriel email mel"),
    list("livreur transporteur"),
    list("remise reduction rabais ristourne"),
    list("coute prix tarif vaut"),
    list("pese poids lourd"),
    list("texto sms"),
    list("retirer retrait"),
    list("payer paiement reglement regler"),
    list("accepter accepte bienvenus bienvenu autorises"),
    list("assembler monter montage monteur"),
    list("garantie garanti"),
  ],
  vocatives: new Set(
    list(`toi vous madame monsieur mademoiselle messieurs mesdames la le les l cher chere chers cheres conseiller conseillere
      conseillers ami amie amis service client equipe team chef docteur maitre gens monde tout tous toutes petit petite
      robot bot assistant assistante compagnie boutique mon ma mes notre votre jeune dames poto potes frere collegue collegues`),
  ),
  replies: frenchReplies,
  texts: frenchTexts,
  wording: {
    classify: "De quelle catégorie est cette demande d'un client ? « {query} »",
    tones: {
      neutral: "Ton : courtois et direct.",
      warm: "Ton : chaleureux.",
      apologetic: "Ton : compréhensif, reconnaître la gêne du client.",
      calm: "Ton : calme et ferme, sans répondre aux provocations.",
      enthusiastic: "Ton : enjoué.",
    },
    formats: {
      short: "Forme : une phrase courte.",
      sentence: "Forme : une ou deux phrases.",
      steps: "Forme : les étapes dans l'ordre.",
      list: "Forme : une courte liste.",
    },
    focus: "La question porte sur : {category}.",
    clarify: "La demande est ambiguë : demander une précision.",
    begin: "Commencer par : {text}",
    known: "Le client a cité : {entities}.",
    followUp: "La question se rapporte à ce qui a été dit avant.",
    facts: "Faits sûrs : {facts}",
    retry: "La réponse précédente était fausse : {issue} Répondre autrement.",
  },
};
