/** Places that a customer may name: French towns, regions and departments, territories, countries. Proper spelling. */
import { phrases } from "./lists.ts";

const REGIONS: readonly string[] = phrases(`Paris|Lyon|Marseille|Toulouse|Nice|Nantes|Strasbourg|Montpellier|
  Bordeaux|Lille|Rennes|Reims|Toulon|Saint-Étienne|Le Havre|Grenoble|Dijon|Angers|Nîmes|Villeurbanne|Clermont-Ferrand|
  Aix-en-Provence|Le Mans|Brest|Tours|Amiens|Limoges|Annecy|Boulogne-Billancourt|Perpignan|Metz|Besançon|Orléans|
  Saint-Denis|Rouen|Argenteuil|Montreuil|Mulhouse|Caen|Nancy|Roubaix|Tourcoing|Nanterre|Avignon|Vitry-sur-Seine|Créteil|
  Poitiers|Dunkerque|Asnières|Versailles|Courbevoie|Colombes|Cherbourg|Aulnay|Pau|Rueil-Malmaison|Aubervilliers|
  Champigny|Calais|Antibes|Béziers|La Rochelle|Saint-Malo|Cannes|Colmar|Mérignac|Bourges|Quimper|Valence|Vannes|Lorient|
  Troyes|Chambéry|Niort|Sarcelles|Villejuif|Cholet|Pessac|Évry|Cergy|Beauvais|Hyères|Arles|La Roche-sur-Yon|Évreux|
  Montauban|Meaux|Bayonne|Biarritz|Anglet|Ajaccio|Bastia|Fréjus|Laval|Albi|Belfort|Charleville-Mézières|Brive|Tarbes|
  Carcassonne|Castres|Chartres|Blois|Châteauroux|Montluçon|Nevers|Mâcon|Chalon-sur-Saône|Bourg-en-Bresse|Vienne|Gap|
  Digne|Draguignan|Agen|Périgueux|Bergerac|Angoulême|Saintes|Rochefort|Auch|Rodez|Millau|Mende|Le Puy|Aurillac|Tulle|
  Guéret|Aubusson|Saint-Brieuc|Morlaix|Lannion|Dinan|Saint-Nazaire|Arras|Lens|Douai|Cambrai|Maubeuge|Saint-Quentin|Laon|
  Compiègne|Senlis|Fontainebleau|Melun|Mantes|Poissy|Saint-Germain|Neuilly|Levallois|Issy|Vincennes|Roissy|Orly|Épinal|
  Verdun|Bar-le-Duc|Thionville|Sarreguemines|Haguenau|Vesoul|Dole|Lons-le-Saunier|Auxerre|Sens|Alençon|Lisieux|Bayeux|
  Dieppe|Fécamp|Ancenis|Saumur|Sète|Lunel|Narbonne|Alès|Orange|Salon-de-Provence|Martigues|Aubagne|La Ciotat|Grasse|
  Menton|Chamonix|Albertville|Thonon|Annemasse|Voiron|Romans|Montélimar|Roanne|Vichy|Deauville|Honfleur|Arcachon|
  Bruxelles|Liège|Namur|Charleroi|Anvers|Gand|Mons|Genève|Lausanne|Zurich|Berne|Bâle|Fribourg|Neuchâtel|Montréal|Québec|
  Ottawa|Toronto|Londres|Madrid|Barcelone|Lisbonne|Porto|Rome|Milan|Turin|Berlin|Munich|Francfort|Cologne|Amsterdam|
  Rotterdam|Vienne|Prague|Varsovie|Dublin|New York|Casablanca|Rabat|Marrakech|Alger|Oran|Tunis|Dakar|Abidjan|Pékin|Tokyo|
  Dubaï|Guimarães|
  Europe|Union européenne|UE|Afrique|Asie|Amérique|Corse|Bretagne|Normandie|Alsace|Lorraine|Provence|Occitanie|
  Aquitaine|Nouvelle-Aquitaine|Auvergne|Bourgogne|Champagne-Ardenne|Franche-Comté|Hauts-de-France|Île-de-France|
  Pays de la Loire|Grand Est|PACA|Rhône-Alpes|Limousin|Picardie|Poitou-Charentes|Languedoc|Savoie|Haute-Savoie|Vendée|
  Finistère|Morbihan|Gironde|Dordogne|Creuse|Corrèze|Ardèche|Drôme|Isère|Jura|Vosges|Landes|Lot|Tarn|Gers|Ariège|Aude|
  Hérault|Gard|Var|Vaucluse|Alpes-Maritimes|Bouches-du-Rhône|Seine-Saint-Denis|Val-de-Marne|Essonne|Yvelines|
  Seine-et-Marne|Val-d'Oise|Martinique|Guadeloupe|Guyane|La Réunion|Réunion|Mayotte|Saint-Martin|Nouvelle-Calédonie|
  Polynésie|Tahiti|DOM-TOM|DOM|outre-mer|métropole`);

/** Countries. */
export const COUNTRIES: readonly string[] =
  phrases(`France|France métropolitaine|Belgique|Suisse|Luxembourg|Monaco|Andorre|Allemagne|Espagne|Italie|Portugal|Irlande|
  Angleterre|Royaume-Uni|Écosse|Pays de Galles|Grande-Bretagne|Pays-Bas|Hollande|Danemark|Suède|Norvège|Finlande|Islande|
  Autriche|Pologne|Tchéquie|Slovaquie|Slovénie|Croatie|Serbie|Hongrie|Roumanie|Bulgarie|Grèce|Malte|Chypre|Turquie|
  Russie|Ukraine|Estonie|Lettonie|Lituanie|Maroc|Algérie|Tunisie|Égypte|Sénégal|Côte d'Ivoire|Cameroun|Mali|Gabon|Congo|
  Madagascar|Maurice|île Maurice|Canada|États-Unis|USA|Mexique|Brésil|Argentine|Chili|Colombie|Japon|Chine|Corée|Inde|
  Vietnam|Thaïlande|Australie|Nouvelle-Zélande|Israël|Liban|Qatar|Émirats`);

export const PLACES: readonly string[] = [...REGIONS, ...COUNTRIES];

/** Places whose name is a common word too, in one language or the other. */
export const AMBIGUOUS_PLACES = new Set(
  `tours nice sens lot mons orange vienne creuse maurice var gap pau dole lens saintes chili dom die landes drome
   cologne inde reunion`.split(/\s+/),
);
