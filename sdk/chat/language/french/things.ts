/** Things, places, actions and troubles in French. Every word is folded. */
import { list } from "../lists.ts";
import { AMBIGUOUS_PLACES, COUNTRIES, PLACES } from "../places.ts";
import type { ThingWords } from "../thingWords.ts";
import { frenchContext } from "./context.ts";
import { frenchTroubleAt } from "./troubles.ts";

export const frenchThings = {
  nounsFirst: new Set(
    list(
      "commande commandes achat achats livre livres recherche recherches suivi retour retours echange echanges envoi envois charge reponse remise marche essai suite",
    ),
  ),
  nounsAlways: new Set(
    list(`commande commandes livre livres recherche recherches charge marche achat achats remise suite`),
  ),
  auxiliaries: new Set(
    list(
      "est etre ete suis sommes sont sera serai seront etait ai as avons avez ont avais avait avoir faire marque",
    ),
  ),
  participle: /é(?:e?s?)$/i,
  madeOfVerb: /(?:ments?|tions?|eurs?|euses?|ures?)$/,
  determiners: new Set(
    list(`un une le la les des du ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur
    leurs aucun aucune quel quelle quels quelles vrai vraie bon bonne autre autres premier premiere derniere deux trois`),
  ),
  nounLinks: new Set(list("de en a")),
  reflexives: new Set(["se"]),
  ownDoing: /(?:e|ent|ait)$/,
  isObjectPronounAt: (tokens, at) => {
    const further = tokens[at - 1]?.word ?? "";
    return (
      /^(?:l[ae]s?|leur)$/.test(tokens[at].word) &&
      (/(?:er|ez|ir|re)$/.test(tokens[at + 1]?.word ?? "") ||
        frenchContext.subjects.has(further) ||
        /^(?:me|te|se|nous|vous)$/.test(further))
    );
  },
  verbEnding: /(?:er|ez)$/,
  denials: (phrase) => {
    const verb = / pas$/.test(phrase) ? phrase.slice(0, -4) : undefined;
    if (verb === undefined || verb.startsWith("ne ")) return [phrase];
    return [`${verb} pas`, `ne ${verb} pas`, `${verb} plus`, `ne ${verb} plus`];
  },
  tooMuch: new Set(list("trop tro")),
  tooMuchNot: new Set(
    list(`tard tot drole chaud froid bien cool fort bon bons bonne beau belle mignon gentil content contente hate de d
    forte super sympa marrant top styles stylé classe jolie joli kiffant genial plaisir peu que aime`),
  ),
  troubleAt: frenchTroubleAt,
  where:
    /(?<![\p{L}\d'’-])(à|a|vers|depuis|habite|(?:magasin|boutique|agence|dépôt|depot|entrepôt|entrepot|région|ville|commune|gare|poste|mairie) d(?:e |['’]))\s*(\p{Lu}[\p{L}'’]+(?:[- ](?:(?:sur|sous|lès|les|le|la|en|de|du|l['’]|d['’])[- ]?)?\p{Lu}[\p{L}'’]+|-\p{L}+)*)/gu,
  whereVerbs: new Set(["a"]),
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
  ambiguousPlaces: AMBIGUOUS_PLACES,
  placePrepositions: new Set(list("a en vers depuis")),
} satisfies Partial<ThingWords>;
